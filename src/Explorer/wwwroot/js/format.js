const groups = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });

export const number = value => value === null || value === undefined ? '' : groups.format(value);

/** 12,3 k: three digits and a unit. */
export function short(value) {
  const size = Math.abs(value);
  if (size >= 1e9) return `${trim(value / 1e9)} G`;
  if (size >= 1e6) return `${trim(value / 1e6)} M`;
  if (size >= 1e4) return `${trim(value / 1e3)} k`;
  return groups.format(value);
}

const trim = value => value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

export function bytes(count) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) {
    count /= 1024;
    unit++;
  }
  return `${Number.isInteger(count) ? count : count.toFixed(1)} ${units[unit]}`;
}

export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

export const hex = value => `0x${BigInt(value).toString(16)}`;

/** The address of a guest frame. */
export const gpaOfGfn = gfn => hex(BigInt(gfn) << 12n);

export const gfnOfGpa = gpa => hex(BigInt.asUintN(64, BigInt(gpa)) >> 12n);

export const levelName = level => ['', 'PT', 'PD', 'PDPT', 'PML4', 'PML5'][level] ?? `level ${level}`;

export const pageSize = level => ({ 1: '4 KiB', 2: '2 MiB', 3: '1 GiB' })[level] ?? `level ${level}`;

/** Indices into the tables that translate an address, from the root down. */
export function indices(address, levels = 4) {
  const bits = BigInt.asUintN(64, BigInt(address));
  const result = [];
  for (let level = levels; level >= 1; level--) result.push({ level, idx: Number(bits >> BigInt(9 * level + 3) & 511n) });
  return result;
}

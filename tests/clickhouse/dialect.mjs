// SQL as SQLite and DuckDB take it, said as ClickHouse means the same by it.
//
//   a >> 12 & 511                  bitAnd(bitShiftRight(a, 12), 511)   the same precedence for all four, from the left
//   7 / 2                          intDiv(7, 2)
//   CASE WHEN flags >> 3 & 1 THEN  CASE WHEN (...) <> 0 THEN           a condition is UInt8 there
//   CASE kind WHEN 1 THEN          CASE WHEN kind = 1 THEN
//   0xffff800000000000, 12         toInt64(...): all integers are signed and have 64 bits
//   AS INTEGER, AS TEXT            AS BIGINT, AS VARCHAR
//   :name                          the value

const keywords = new Set(`select from where and or not when then else case end as on join left inner cross using union all group order by limit offset
having with recursive is in between like distinct values desc asc nulls first last over partition rows preceding following current row unbounded exists cast
filter window create view materialized null int integer bigint text varchar real double interval escape`.split(/\s+/));

export function tokenize(sql) {
  const tokens = [];
  const pattern = /\s+|--[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|0x[0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|:[A-Za-z_]\w*|[A-Za-z_]\w*|<<|>>|<>|<=|>=|!=|==|\|\||::|./gys;
  for (const [text] of sql.matchAll(pattern)) if (!/^(\s|--)/.test(text)) tokens.push(text);
  return tokens;
}

const isWord = (token) => token !== undefined && /^[A-Za-z_"]/.test(token);
const isKeyword = (token) => keywords.has(token?.toLowerCase());
const is = (token, word) => token?.toLowerCase() === word;

class Parser {
  constructor(tokens, values) {
    Object.assign(this, { tokens, values, at: 0 });
  }

  get token() {
    return this.tokens[this.at];
  }

  /** Everything up to one of these words, on this level. */
  items(...until) {
    const out = [];
    let keyword = '';
    while (this.at < this.tokens.length && !until.includes(this.token.toLowerCase())) {
      const expression = this.startsOperand() ? this.expression() : null;
      // Places in a list, and limits, are to stay as they are.
      if (expression !== null) out.push(['by', 'limit', 'offset'].includes(keyword) ? expression.replace(/^toInt64\(([0-9]+)\)$/, '$1') : expression);
      else if (this.token === '==') this.at++, out.push('=');
      else out.push((keyword = this.token === ',' ? keyword : this.token.toLowerCase(), this.word()));
    }
    return out.join(' ');
  }

  word() {
    const token = this.tokens[this.at++];
    if (['integer', 'int'].includes(token.toLowerCase())) return 'BIGINT';
    return is(token, 'text') ? 'VARCHAR' : token;
  }

  startsOperand() {
    const token = this.token;
    return token === '(' || token === '~' || is(token, 'case') || is(token, 'cast') || is(token, 'null') || /^[0-9':]/.test(token) || (isWord(token) && !isKeyword(token));
  }

  expression() {
    let left = this.sum();
    while (['>>', '<<', '&', '|'].includes(this.token)) {
      const operator = this.tokens[this.at++];
      const right = this.sum();
      if (operator === '<<') left = `bitShiftLeft(toInt64(${left}), ${right})`;
      else left = `${{ '>>': 'bitShiftRight', '&': 'bitAnd', '|': 'bitOr' }[operator]}(${left}, ${right})`;
    }
    return left;
  }

  sum() {
    let left = this.product();
    while (['+', '-', '||'].includes(this.token)) left = `${left} ${this.tokens[this.at++]} ${this.product()}`;
    return left;
  }

  product() {
    let left = this.operand();
    while (['*', '/', '%'].includes(this.token)) {
      const operator = this.tokens[this.at++];
      const right = this.operand();
      // A real number on either side is a division of real numbers.
      left = operator === '/' && !/[0-9]\.[0-9]|CAST\(.* AS (REAL|DOUBLE)/i.test(left + right) ? `intDiv(${left}, ${right})` : `${left} ${operator} ${right}`;
    }
    return left;
  }

  operand() {
    const token = this.token;
    if (token === '-') return this.at++, `-${this.operand()}`;
    if (token === '~') return this.at++, `bitNot(toInt64(${this.operand()}))`;
    if (token === '(') return this.brackets();
    if (is(token, 'case')) return this.cases();
    this.at++;
    // All integers have 64 bits and a sign, as SQLite's do.
    if (/^(0x[0-9a-f]+|[0-9]+)$/i.test(token)) return `toInt64(${BigInt.asIntN(64, BigInt(token))})`;
    if (token.startsWith(':')) return /^-?[0-9]+$/.test(this.values[token.slice(1)] ?? '') ? `toInt64(${this.values[token.slice(1)]})` : (this.values[token.slice(1)] ?? token);
    let name = token;
    while (this.token === '.') name += '.' + (this.tokens[(this.at += 2) - 1] ?? '');
    if (this.token !== '(') return name;
    return functions[name.toLowerCase()]?.(this.brackets()) ?? name + this.brackets();
  }

  brackets() {
    this.at++;
    const inner = this.items(')');
    this.at++;
    return `(${inner})`;
  }

  cases() {
    this.at++;
    const out = ['CASE'];
    // Always with conditions: ClickHouse's CASE of a value wants branches that are constants of one type.
    const value = is(this.token, 'when') ? null : this.items('when');
    while (is(this.token, 'when')) {
      this.at++;
      const condition = this.items('then');
      this.at++;
      out.push(value === null ? `WHEN (${condition}) <> 0 THEN` : `WHEN (${value}) = (${condition}) THEN`, this.items('when', 'else', 'end'));
    }
    if (is(this.token, 'else')) this.at++, out.push('ELSE', this.items('end'));
    this.at++;
    return [...out, 'END'].join(' ');
  }
}

/** Functions with another name or another meaning. */
const functions = {
  // Halves go up, where ClickHouse goes to the even neighbour.
  round: (inner) => inner.replace(/^\((.*), toInt64\(([0-9]+)\)\)$/s, (_, number, digits) => `(floor((${number}) * ${10 ** digits} + 0.5) / ${10 ** digits})`),
  iif: (inner) => `if${inner}`,
  total: (inner) => `sum${inner}`,
  chr: (inner) => `char${inner}`,
  string_agg: (inner) => `arrayStringConcat(groupArray${inner.replace(/, ('[^']*')\)$/, '), $1')})`,
};

/** One statement. */
export const translate = (sql, values = {}) => new Parser(tokenize(sql), values).items();

/** The views of a folder of histories, from its views.sql, as statements. */
export function views(sql, folder, key = '') {
  const statements = [];
  for (const statement of split(sql)) {
    const table = /^CREATE VIEW (\w+) AS SELECT (.*?) FROM read_parquet\(\['\.\/(.*?)'\]/s.exec(statement);
    if (/^SET /.test(statement)) continue;
    const from = key ? `s3('${folder}/${table?.[3]}', '${key}', '${key}', Parquet)` : `file('${folder}/${table?.[3]}', Parquet)`;
    if (table) statements.push(`CREATE VIEW ${table[1]} AS SELECT ${table[2]} FROM ${from}`);
    // The views' columns have the names of what they are made of: that is meant, not the column.
    // That of a list of names behind the view's is not: the text of an access or a flush has its kind in it, where the kind of the event is 'access'.
    else statements.push(`${translate(/^CREATE VIEW event\b/.test(statement) ? withKinds(statement) : statement)} SETTINGS prefer_column_name_to_alias = 1`);
  }
  return statements;
}

/** Says of each part of a union whose kind is meant. */
const withKinds = (statement) =>
  statement.split(/(?<=\n)UNION ALL\n/).map((part, i) => {
    const [, list, select] = i === 0 ? /^(.*? AS )(SELECT.*)$/s.exec(part) : [, '', part];
    return list + select.replace(/(?<![.'"])\bkind\b(?!['"])/g, `${/\bFROM (\w+)/.exec(select)?.[1]}.kind`);
  }).join('UNION ALL\n');

/** Settings under which the answers are SQLite's. */
export const settings = ['SET cast_keep_nullable = 1', 'SET join_use_nulls = 1', 'SET union_default_mode = \'DISTINCT\''];

export function split(sql) {
  const statements = [];
  let text = '';
  for (const [part] of sql.matchAll(/--[^\n]*\n?|'(?:[^']|'')*'|;|[^;'-]+|-/g)) {
    if (part === ';') statements.push(text.trim()), (text = '');
    else if (!part.startsWith('--')) text += part;
  }
  if (text.trim()) statements.push(text.trim());
  return statements;
}

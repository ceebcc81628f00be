// Charts of counts over ordinals, one lane above the other, with one cursor. Drawn by uPlot.
import uPlot from '/vendor/uplot.js';
import { h, colour } from './dom.js';
import { short, number } from './format.js';

const labelHeight = 12;
const stepped = uPlot.paths.stepped({ align: 1, alignGaps: 0 });

/**
 * A lane. series: [{ label, colour, fill, x: [...], y: [...] }], each with x of its own.
 * options: { width, height, min, max, isLog, hasAxis, onZoom(min, max), onPick(x), onHover(x, values), sync }
 * What is given back is uPlot's chart, and place({ name: ordinal or null }): lines over the lane; show(series, { min, max, onHover }): another range.
 */
export function lane(element, series, options) {
  const text = colour('--dim');
  const grid = colour('--line');
  // Three digits would not tell one tick from the next.
  const isClose = () => options.max - options.min < options.max / 20;
  const tens = (_, ticks) => ticks.map(tick => options.isLog && !isRound(tick) ? null : tick);
  const labelled = (chart, ticks) => options.isLog ? apart(tens(chart, ticks), chart.scales.y.max, options.height - (options.hasAxis ? 34 : 8)) : ticks;
  const chart = new uPlot({
    width: options.width,
    height: options.height,
    padding: [6, 18, options.hasAxis ? 0 : 2, 0],
    legend: { show: false },
    cursor: {
      sync: { key: options.sync, setSeries: false },
      points: { show: false },
      drag: { x: true, y: false, setScale: false },
      y: false,
      focus: { prox: -1 },
    },
    scales: { x: { time: false, min: options.min, max: options.max, range: () => [options.min, options.max] }, y: { distr: options.isLog ? 4 : 1, range: (_, low, high) => [0, Math.max(1, high)] } },
    axes: [
      { show: options.hasAxis, stroke: text, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid }, size: 26, space: () => isClose() ? 90 : 50, values: (_, ticks) => ticks.map(tick => tick === null ? '' : isClose() ? number(tick) : short(tick)), font: '11px system-ui' },
      { stroke: text, grid: { stroke: grid, width: 1, filter: tens }, ticks: { show: false }, size: 52, space: 22, filter: labelled, values: (_, ticks) => ticks.map(tick => tick === null || (tick === 0 && (options.isLog || !options.hasAxis)) ? '' : short(tick)), font: '11px system-ui' },
    ],
    series: [{}, ...series.map(one => ({ label: one.label, stroke: one.colour, fill: one.fill, width: one.width ?? 1, dash: one.dash, paths: stepped, points: { show: false }, spanGaps: true }))],
    hooks: {
      setSelect: [chart => {
        if (chart.select.width < 4) return;
        const min = chart.posToVal(chart.select.left, 'x');
        const max = chart.posToVal(chart.select.left + chart.select.width, 'x');
        chart.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        options.onZoom?.(min, max);
      }],
      setCursor: [chart => {
        if (chart.cursor.idx === null || chart.cursor.left < 0) return options.onHover?.(null);
        options.onHover?.(chart.posToVal(chart.cursor.left, 'x'));
      }],
    },
  }, joined(series), element);
  // Another range of the same lanes: nothing but the picture is made anew.
  chart.show = (others, range) => {
    Object.assign(options, range);
    chart.setData(joined(others));
  };
  // Elements above the picture: a cursor that moves costs no drawing.
  const marks = new Map();
  chart.place = places => {
    for (const [name, at] of Object.entries(places)) {
      const isSeen = at !== null && at !== undefined && at >= options.min && at <= options.max;
      if (isSeen && !marks.has(name)) chart.over.append(marks.set(name, h('i.mark', { class: name })).get(name));
      marks.get(name)?.toggleAttribute('hidden', !isSeen);
      if (isSeen) marks.get(name).style.transform = `translateX(${Math.round(chart.valToPos(at, 'x'))}px)`;
    }
  };
  let pressed = null;
  chart.over.addEventListener('pointerdown', event => { pressed = event.clientX; });
  chart.over.addEventListener('pointerup', event => {
    if (pressed !== null && Math.abs(event.clientX - pressed) < 4) options.onPick?.(chart.posToVal(event.clientX - chart.over.getBoundingClientRect().left, 'x'));
    pressed = null;
  });
  return chart;
}

function joined(series) {
  const data = series.length === 1 ? [series[0].x, series[0].y] : uPlot.join(series.map(one => [one.x, one.y]));
  if (series.length > 1) for (let i = 1; i < data.length; i++) fill(data[i]);
  return data;
}

/** Where two runs have not the same stretches, the last value holds. */
function fill(values) {
  let last = null;
  for (let i = 0; i < values.length; i++) {
    if (values[i] === undefined || values[i] === null) values[i] = last;
    else last = values[i];
  }
}

/** On a logarithmic axis only the tens are written. */
const isRound = tick => tick === 0 || Math.abs(Math.log10(Math.abs(tick)) % 1) < 1e-9;

/** Of the tens those whose labels have room, the highest first. */
function apart(ticks, max, height) {
  let above = Infinity;
  const kept = new Set();
  for (const tick of ticks.filter(tick => tick !== null).reverse()) {
    const y = Math.asinh(tick) / Math.asinh(max) * height;
    if (above - y < labelHeight) continue;
    kept.add(tick);
    above = y;
  }
  return ticks.map(tick => kept.has(tick) ? tick : null);
}

/** A plot of any columns of a result: lines over numbers, or points over words (options.labels, one a row). */
export function scatter(element, x, columns, options) {
  const palette = ['--a', '--b', '--c3', '--c4', '--c5', '--c6'].map(colour);
  const { labels } = options;
  const word = tick => Number.isInteger(tick) ? cut(labels[tick - 1] ?? '') : '';
  const rows = x.map((value, i) => i).sort((i, j) => x[i] - x[j]);
  const data = [rows.map(i => x[i]), ...columns.map(column => rows.map(i => column.values[i]))];
  return new uPlot({
    width: options.width,
    height: options.height,
    scales: { x: { time: false, ...labels ? { range: [0.5, labels.length + 0.5] } : {} }, y: { range: (_, low, high) => [Math.min(0, low), Math.max(1, high)] } },
    axes: [{ stroke: colour('--dim'), grid: { stroke: colour('--line'), width: 1 }, ...labels ? { space: 100, incrs: [1, 2, 5, 10, 20, 50, 100] } : {}, values: (_, ticks) => ticks.map(labels ? word : short) }, { stroke: colour('--dim'), grid: { stroke: colour('--line'), width: 1 }, size: 60, values: (_, ticks) => ticks.map(short) }],
    series: [{ label: labels ? 'row' : options.x, value: (_, value) => value === null || value === undefined ? '' : labels ? labels[value - 1] : number(value) }, ...columns.map((column, i) => ({ label: column.label, stroke: palette[i % palette.length], width: labels ? 0 : 1.5, points: labels ? { show: true, size: 9, fill: palette[i % palette.length] } : { show: rows.length < 200 }, value: (_, value) => number(value) }))],
  }, data, element);
}

const cut = text => text.length > 16 ? `${text.slice(0, 15)}…` : text;

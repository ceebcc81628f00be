// What happened when: lanes of counts over the run, and the events around the cursor.
import { h, replace, reconcile, colour, theme } from '../dom.js';
import { latest, get } from '../api.js';
import { lane } from '../plot.js';
import { number, short, plural, bytes } from '../format.js';
import { eventLink, eventWords, accessWords, empty, walkable } from './parts.js';

const lanes = [
  { name: 'exits', label: 'Exits', about: 'VM exits that concern the MMU' },
  { name: 'faults', label: 'Faults', about: 'page faults that KVM handled' },
  { name: 'writes', label: 'Table writes', about: 'writes to entries of KVM’s tables', tall: true },
  { name: 'zaps', label: 'Zaps', about: 'table pages taken away' },
  { name: 'flushes', label: 'Flushes', about: 'TLB flushes that KVM asked for' },
  { name: 'guestFaults', label: 'Guest #PF', about: 'page faults handed to the guest' },
  { name: 'memory', label: 'Table memory', about: 'pages of 4 KiB that the tables take', tall: true },
];

export const timeline = {
  title: 'Timeline',
  about: 'what happened when',
  help: [
    ['+  -', 'zoom in and out at the cursor'],
    ['← →', 'move along'],
    ['0', 'the whole run'],
    ['l', 'counts on a logarithmic or a linear scale'],
    ['v', 'a lane for each vCPU'],
  ],
  mount(element, app) {
    const charts = h('div.lanes');
    const head = h('div.viewhead');
    const list = walkable(h('div.events', { 'aria-label': 'Events around the cursor' }));
    element.append(head, charts, list);
    const fetchLanes = latest();
    const fetchEvents = latest();
    const fetchOther = latest();
    let drawn = [];
    let data = null;
    let parts = null;
    let isLog = localStorage.getItem('scale') !== 'linear';
    let asked = '';
    let shown = '';
    let told = '';
    let kept = new Map();

    const whole = () => ({ min: Math.min(app.run().first, app.other?.first ?? Infinity), max: Math.max(app.run().last, app.other?.last ?? 0) });
    /** What the address asks for, as far as the runs have it; what is no range is the whole. */
    const range = () => {
      const full = whole();
      const number = (text, otherwise) => Number.isFinite(Number(text)) && text !== undefined ? Math.min(full.max, Math.max(full.min, Number(text))) : otherwise;
      const [min, max] = [number(app.parameters.from, full.min), number(app.parameters.to, full.max)];
      return min < max ? { min, max } : full;
    };

    async function update() {
      drawHead();
      const width = Math.max(200, charts.clientWidth);
      const { min, max } = range();
      const isWhole = min === whole().min && max === whole().max;
      const parameters = { run: app.parameters.run, vs: app.parameters.vs, from: isWhole ? null : min, to: isWhole ? null : max, steps: Math.min(1400, width), by: app.parameters.by };
      const key = JSON.stringify(parameters);
      const events = drawEvents();
      // Told at the end; until then nobody waits for it.
      events.catch(() => {});
      if (key !== asked) {
        element.setAttribute('aria-busy', 'true');
        data = await fetchLanes('timeline', parameters);
        asked = key;
        findParts();
        draw();
      } else {
        place();
      }
      await events;
    }

    /** Where the two part is worked out beside: it takes a pass over both. */
    async function findParts() {
      const pair = app.parameters.vs ? `${app.run().key}|${app.parameters.vs}` : null;
      if (parts?.pair === pair) return;
      parts = { pair, at: null };
      if (!pair) return;
      try {
        const { divergences } = await get('divergences', { run: app.parameters.run, vs: app.parameters.vs, count: 1 });
        if (parts.pair !== pair) return;
        parts.at = divergences[0]?.ordinal ?? null;
        parts.reason = divergences[0]?.reason;
      } catch (error) {
        parts.reason = error.message;
      }
      place();
      drawHead();
    }

    function drawHead() {
      const { min, max } = range();
      const isWhole = min === whole().min && max === whole().max;
      const { by, run, vs } = app.parameters;
      const look = JSON.stringify([min, max, isLog, by, run, vs, app.runs.map(one => one.counts), parts]);
      if (look === told) return;
      told = look;
      replace(head,
        h('h1', 'Timeline'),
        h('span.range', 'events ', h('b', number(min)), ' to ', h('b', number(max)), h('span.dim', isWhole ? ' · the whole run' : ` · ${share(max - min)} of the run`)),
        h('span.tools',
          h('button', { onclick: () => zoom(0.5), title: 'Zoom in (+)' }, '+'),
          h('button', { onclick: () => zoom(2), title: 'Zoom out (-)' }, '−'),
          h('button', { onclick: all, title: 'The whole run (0)', disabled: isWhole }, 'All'),
          h('button', { onclick: toggleScale, title: 'Scale (l)', 'aria-pressed': String(isLog) }, 'log'),
          h('button', { onclick: toggleVcpu, title: 'A lane for each vCPU (v)', 'aria-pressed': String(app.parameters.by === 'vcpu') }, 'vCPU')),
        legend());
    }

    function legend() {
      const run = app.run();
      return h('p.legend', h('span.key.a', run.key), h('span.dim', ` ${plural(run.counts.write ?? 0, 'write')}, ${plural(run.counts.exit ?? 0, 'exit')}`),
        app.other && [' ', h('span.key.b', app.other.key), h('span.dim', ` ${plural(app.other.counts.write ?? 0, 'write')}, ${plural(app.other.counts.exit ?? 0, 'exit')}`)],
        app.other && parts?.at !== null && parts?.at !== undefined && [h('span.dim', ' · they part first at '), eventLink(app, parts.at), h('span.dim.reason', ` ${parts.reason ?? ''}`)]);
    }

    const share = span => `${(100 * span / Math.max(1, whole().max - whole().min)).toPrecision(2)} %`;

    function draw() {
      if (!data) return;
      const width = Math.max(200, charts.clientWidth - (innerWidth < 600 ? 0 : 112));
      const { from: min, to: max } = data;
      const keys = [app.run().key, app.other?.key];
      const rows = lanesOf(data);
      // Lanes that stay are given their new counts; they are made anew where anything else of them is another.
      const shape = JSON.stringify([width, isLog, keys, theme(), rows.map(row => [row.name, row.sub, row.series.length])]);
      if (shape !== shown || drawn.length !== rows.length) {
        shown = shape;
        for (const { chart } of drawn) chart.destroy();
        drawn = [];
        replace(charts);
        rows.forEach((row, i) => {
          const holder = h('div.chart');
          const value = h('span.now');
          charts.append(h('div.lane', { class: row.tall ? 'tall' : '' }, h('div.name', { title: row.about }, h('span', row.label), row.sub && h('span.dim', row.sub), value), holder));
          const one = { row };
          one.chart = lane(holder, seriesOf(row, keys, max), {
            width, height: (row.tall ? 76 : 46) + (i === rows.length - 1 ? 26 : 0), min, max, isLog: isLog && row.name !== 'memory', hasAxis: i === rows.length - 1, sync: 'timeline',
            onZoom: (a, b) => zoomTo(a, b),
            onPick: x => pick(x, one.row),
            onHover: x => hover(value, one.row, x),
          });
          drawn.push(one);
        });
      } else {
        rows.forEach((row, i) => {
          drawn[i].row = row;
          drawn[i].chart.show(seriesOf(row, keys, max), { min, max });
        });
      }

      place();
      charts.querySelector('.grain')?.remove();
      if (data.runs.some(run => run.source === 'summary' && run.width > 1)) charts.append(h('p.grain.dim', `A step is ${number(data.runs[0].width)} events. Zoom in for single ones.`));
    }

    function seriesOf(row, keys, max) {
      const colours = [colour('--a'), colour('--b')];
      return row.series.map(one => {
        const shade = colours[keys.indexOf(one.run.key)] ?? colours[0];
        const x = one.values.map((_, k) => one.run.start + k * one.run.width);
        x.push(Math.max(max, x.at(-1) + 1));
        return { label: one.run.key, colour: shade, fill: keys.indexOf(one.run.key) === 0 ? `${shade}55` : `${shade}18`, x, y: [...one.values, one.values.at(-1)], width: 1.25, dash: one.run.key === keys[1] ? [5, 3] : undefined };
      });
    }

    /** The cursor, and where the two runs part. */
    function place() {
      for (const { chart } of drawn) chart.place({ parts: parts?.at ?? null, cursor: app.at });
    }

    function lanesOf({ runs }) {
      const result = [];
      const vcpus = [...new Set(runs.map(run => run.vcpu ?? null))];
      for (const one of lanes) {
        for (const vcpu of vcpus) {
          const series = runs.filter(run => (run.vcpu ?? null) === vcpu).map(run => ({ run, values: one.name === 'memory' ? run.memory : run.lanes[one.name] })).filter(entry => entry.values);
          if (!series.some(entry => entry.values.some(count => count > 0))) continue;
          result.push({ ...one, tall: one.tall && vcpus.length === 1, series, sub: vcpu === null ? '' : vcpu < 0 ? 'no vCPU' : `vCPU ${vcpu}` });
        }
      }
      return result;
    }

    function hover(label, row, x) {
      if (x === null) return replace(label);
      const texts = row.series.map(({ run, values }) => {
        const count = values[Math.floor((x - run.start) / run.width)];
        return count === undefined ? '' : row.name === 'memory' ? bytes(count * 4096) : short(count);
      });
      replace(label, texts.map((text, i) => h('span', { class: i === 0 ? 'a' : 'b' }, text)));
    }

    /** The event nearest to where was clicked: that of the lane, if it has one near. */
    async function pick(x, row) {
      const kind = { exits: 'exit', faults: 'fault', writes: 'write', zaps: 'page', flushes: 'flush' }[row.name] ?? 'any';
      const at = Math.round(x);
      try {
        const { ordinal } = await get('step', { run: app.parameters.run, vs: app.parameters.vs, at: Math.max(-1, at - 1), to: 'next', kind });
        app.patch({ at: ordinal ?? at }, { replaces: true });
      } catch (error) {
        app.fail(error);
      }
    }

    function zoomTo(min, max) {
      const full = whole();
      const from = Math.max(full.min, Math.floor(min));
      const to = Math.min(full.max, Math.max(from + 4, Math.ceil(max)));
      app.patch(from <= full.min && to >= full.max ? { from: null, to: null } : { from, to });
    }

    function zoom(factor) {
      const { min, max } = range();
      const middle = app.at !== null && app.at >= min && app.at <= max ? app.at : (min + max) / 2;
      const span = Math.max(8, (max - min) * factor);
      const left = (middle - min) / Math.max(1, max - min);
      zoomTo(middle - span * left, middle + span * (1 - left));
    }

    function move(part) {
      const { min, max } = range();
      const full = whole();
      const by = Math.max(full.min - min, Math.min(full.max - max, (max - min) * part));
      zoomTo(min + by, max + by);
    }

    /** A part of the run that is shown, around an event that lies outside of it. */
    function follow(ordinal) {
      const { min, max } = range();
      if (ordinal >= min && ordinal <= max) return {};
      const full = whole();
      const span = max - min;
      const from = Math.round(Math.max(full.min, Math.min(full.max - span, ordinal - span / 2)));
      return { from, to: from + span };
    }

    const all = () => app.patch({ from: null, to: null });
    const toggleVcpu = () => app.patch({ by: app.parameters.by === 'vcpu' ? null : 'vcpu' });

    function toggleScale() {
      isLog = !isLog;
      localStorage.setItem('scale', isLog ? 'log' : 'linear');
      drawHead();
      draw();
    }

    async function drawEvents() {
      const { min } = range();
      const at = app.at ?? min;
      const narrow = innerWidth < 600;
      const [{ events }, other] = await Promise.all([
        fetchEvents('events', { run: app.parameters.run, at, before: app.at === null ? 1 : narrow ? 6 : 10, after: narrow ? 20 : 40 }),
        app.other && app.at !== null ? fetchOther('events', { run: app.parameters.vs, at, before: 0, after: 1 }) : null,
      ]);
      addCursor(events, other?.events.find(event => event.ordinal === app.at));
      reconcile(list,
        h('div.row.headrow', h('span', 'event'), h('span', 'access'), h('span', `what ${app.run().key} did`)),
        rowsOf(events));
      if (!events.length) list.append(empty('Nothing happened behind this event.'));
    }

    /** The event at the cursor has its row, also where this run did nothing; beside it, what the other did there. */
    function addCursor(events, beside) {
      if (app.at === null || !app.other) return;
      let here = events.find(event => event.ordinal === app.at);
      if (!here) {
        here = { ...beside, ordinal: app.at, exits: [], outcomes: [], roots: [], writes: 0, pagesMade: 0, pagesZapped: 0, flushes: 0, guestFaults: 0, isNothing: true };
        const behind = events.findIndex(event => event.ordinal > app.at);
        events.splice(behind < 0 ? events.length : behind, 0, here);
      }
      here.beside = beside ?? null;
    }

    /** Rows that were there before stay: a step of the cursor brings one more. */
    function rowsOf(events) {
      const link = app.href('why', { at: 0 });
      const rows = new Map();
      for (const event of events) {
        const look = `${event.ordinal === app.at}|${link}|${JSON.stringify(event)}`;
        const before = kept.get(event.ordinal);
        rows.set(event.ordinal, before?.look === look ? before : { look, element: rowOf(event) });
      }
      kept = rows;
      return [...rows.values()].map(row => row.element);
    }

    const rowOf = event => h('div.row', {
      tabindex: 0, class: event.ordinal === app.at ? 'here' : '', 'aria-current': event.ordinal === app.at ? 'true' : null,
      onclick: click => click.target.closest('a') || (event.ordinal === app.at || click.detail === 0 ? app.go('why', { at: event.ordinal }) : app.patch({ at: event.ordinal }, { replaces: true })),
    }, eventLink(app, event.ordinal), h('span', accessWords(event), event.rip ? h('span.mono.dim', ` rip ${event.rip}`) : ''), h('span', event.isNothing ? h('span.dim', 'nothing') : eventWords(event),
      event.beside !== undefined && h('div.beside', h('span.key.b', app.other?.key), ' ', event.beside ? eventWords(event.beside) : h('span.dim', 'nothing'))));

    const redraw = () => draw();
    let timer = 0;
    const resize = () => { clearTimeout(timer); timer = setTimeout(() => { asked = ''; update().catch(error => app.fail(error)); }, 120); };
    addEventListener('themechange', redraw);
    addEventListener('resize', resize);
    return {
      update,
      follow,
      plays: true,
      edge: times => times > 0 ? range().min - 1 : range().max + 1,
      keys(event) {
        const actions = { '+': () => zoom(0.5), '=': () => zoom(0.5), '-': () => zoom(2), 0: all, ArrowLeft: () => move(-0.25), ArrowRight: () => move(0.25), l: toggleScale, v: toggleVcpu };
        const action = actions[event.key];
        if (!action) return false;
        action();
        return true;
      },
      dispose() {
        removeEventListener('themechange', redraw);
        removeEventListener('resize', resize);
        for (const { chart } of drawn) chart.destroy();
      },
    };
  },
};

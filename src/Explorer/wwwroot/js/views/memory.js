// Guest-physical memory as a picture: each cell a frame, or some of them.
import { h, replace, colour } from '../dom.js';
import { latest } from '../api.js';
import { number, hex, bytes, plural, short, levelName } from '../format.js';
import { eventLink, change, kindBadge, empty, historyList, historyRow, focusHistory } from './parts.js';

const states = [
  ['huge', '--k-huge', 'mapped by a huge page'],
  ['dirty', '--m-dirty', 'mapped, written'],
  ['mapped', '--m-clean', 'mapped, writable, clean'],
  ['protected', '--m-protected', 'mapped, not writable'],
  ['table', '--m-table', 'a guest page table that KVM shadows'],
  ['mmio', '--k-mmio', 'device memory'],
  ['none', '--cell', 'not mapped'],
];
const counts = { faults: 'faults', writes: 'table writes', zaps: 'entries emptied' };

export const memory = {
  title: 'Memory',
  about: 'guest-physical memory as a picture',
  help: [
    ['← ↑ ↓ →', 'choose a cell'],
    ['Enter  +', 'into it: closer, down to single frames'],
    ['-  0', 'out, all of it'],
    ['w', 'why the frame is as it is'],
    ['h', 'into its history: ↑ ↓ along it, Enter for the story'],
    ['c', 'colour: state, faults, writes, zaps'],
  ],
  mount(element, app) {
    const head = h('div.viewhead');
    const canvas = h('canvas.map', { tabindex: 0, role: 'img' });
    const tip = h('p.tip', { 'aria-live': 'polite' });
    const legend = h('p.legend');
    const side = h('aside.inspector', { 'aria-label': 'Frame' });
    element.append(head, h('div.split', h('div.mapbox', canvas, tip, legend), side));
    const fetchMap = latest();
    const fetchFrame = latest();
    let data = null;
    let asked = '';
    let cause = null;
    let shownFrame = null;
    let cell = 0;
    let columns = 64;
    let size = 8;
    let gutter = 0;

    async function update() {
      const parameters = { run: app.parameters.run, at: app.parameters.at, from: app.parameters.from, to: app.parameters.to, by: app.parameters.by, cells: innerWidth < 600 ? 2048 : 8192 };
      const key = JSON.stringify(parameters);
      if (key !== asked) {
        if (app.parameters.by) replace(tip, 'Counting …');
        element.setAttribute('aria-busy', 'true');
        data = await fetchMap('memory', parameters);
        asked = key;
      }
      if (app.parameters.gfn) {
        const index = Math.floor((Number(app.parameters.gfn) - Number(data.from)) / data.frames);
        if (index >= 0 && index < data.mapped.length) cell = index;
        else if (Number(app.parameters.gfn) >= Number(data.extent)) app.notice(`gfn ${app.parameters.gfn} is beyond the guest’s memory, which ends at ${hex(BigInt(data.extent))}.`, 'hint');
      }
      cell = Math.min(cell, data.mapped.length - 1);
      drawHead();
      draw();
      await drawFrame();
    }

    function drawHead() {
      const frames = data.mapped.reduce((sum, count) => sum + count, 0);
      const isWhole = !app.parameters.from && !app.parameters.to;
      replace(head,
        h('h1', 'Memory'),
        h('span.range', 'of ', h('b', data.run), ' after event ', eventLink(app, data.at), h('span.dim', ` · ${bytes(frames * 4096)} of ${bytes((Number(data.to) - Number(data.from)) * 4096)} mapped${isWhole ? '' : ' in this part'} · a cell is ${bytes(data.frames * 4096)}`)),
        h('span.tools',
          h('select', { 'aria-label': 'Colour', title: 'Colour (c)', onchange: event => app.patch({ by: event.target.value || null }, { replaces: true }) }, h('option', { value: '' }, 'state'), Object.entries(counts).map(([name, label]) => h('option', { value: name, selected: app.parameters.by === name }, label))),
          h('button', { onclick: into, title: 'Closer (+)' }, '+'), h('button', { onclick: out, title: 'Out (-)' }, '−'), h('button', { onclick: all, disabled: isWhole, title: 'All (0)' }, 'All')));
    }

    function draw() {
      if (!data) return;
      const width = Math.max(200, canvas.parentElement.clientWidth);
      const cells = data.mapped.length;
      columns = width < 500 ? 32 : cells > 2048 ? 128 : 64;
      gutter = width < 500 ? 0 : 76;
      size = Math.min(16, (width - gutter) / columns);
      const rows = Math.ceil(cells / columns);
      const ratio = devicePixelRatio || 1;
      const edge = place => Math.round(place * size * ratio) / ratio;
      canvas.width = Math.ceil((gutter + columns * size) * ratio);
      canvas.height = Math.ceil(rows * size * ratio);
      canvas.style.width = `${canvas.width / ratio}px`;
      canvas.style.height = `${canvas.height / ratio}px`;
      const context = canvas.getContext('2d');
      context.scale(ratio, ratio);
      const paint = painter();
      const gap = size > 4 ? 1 : 0;
      for (let i = 0; i < cells; i++) {
        const column = i % columns;
        const row = Math.floor(i / columns);
        context.fillStyle = paint(i);
        context.fillRect(gutter + edge(column), edge(row), edge(column + 1) - edge(column) - gap, edge(row + 1) - edge(row) - gap);
      }
      if (gutter) {
        context.fillStyle = colour('--dim');
        context.font = '11px ui-monospace, monospace';
        context.textAlign = 'right';
        context.textBaseline = 'top';
        const every = Math.max(1, 2 ** Math.ceil(Math.log2(26 / size)));
        for (let row = 0; row < rows; row += every) context.fillText(at(row * columns), gutter - 8, edge(row));
      }
      context.strokeStyle = colour('--text');
      context.lineWidth = 2;
      context.strokeRect(gutter + edge(cell % columns) - 1, edge(Math.floor(cell / columns)) - 1, size + 1, size + 1);
      canvas.setAttribute('aria-label', `Guest-physical memory from ${at(0)} to ${hex(BigInt(data.to) << 12n)}, ${cells} cells`);
      replace(tip, describe(cell));
      drawLegend();
    }

    /** A colour for a cell; where states meet in one, the one that most of it is in, mixed with how much of it is mapped. */
    function painter() {
      if (data.counts) {
        const most = Math.log1p(Math.max(1, ...data.counts));
        const heat = ['--h0', '--h1', '--h2', '--h3', '--h4', '--h5'].map(colour);
        const none = colour('--cell');
        return i => data.counts[i] === 0 ? none : heat[Math.min(heat.length - 1, Math.floor(Math.log1p(data.counts[i]) / most * heat.length))];
      }
      const colours = Object.fromEntries(states.map(([name, variable]) => [name, colour(variable)]));
      return i => colours[state(i)];
    }

    function state(i) {
      if (data.tables[i] * 2 >= data.frames) return 'table';
      const mapped = data.mapped[i];
      if (!mapped) return data.mmio[i] ? 'mmio' : 'none';
      if (data.huge[i] * 2 > mapped) return 'huge';
      if (data.writable[i] * 2 < mapped) return 'protected';
      return data.dirty[i] * 2 >= mapped ? 'dirty' : 'mapped';
    }

    const at = i => hex((BigInt(data.from) + BigInt(i) * BigInt(data.frames)) << 12n);

    function describe(i) {
      const words = [];
      if (data.frames > 1) words.push(`${number(data.mapped[i])} of ${number(data.frames)} frames mapped`);
      else words.push(states.find(([name]) => name === state(i))[2]);
      if (data.frames > 1 && data.dirty[i]) words.push(`${number(data.dirty[i])} dirty`);
      if (data.mapped[i] && data.mapped[i] !== data.writable[i]) words.push(`${number(data.mapped[i] - data.writable[i])} not writable`);
      if (data.tables[i] && data.frames > 1) words.push(plural(data.tables[i], 'guest table'));
      if (data.mmio[i]) words.push('device memory');
      if (data.counts) words.push(`${number(data.counts[i])} ${counts[data.by]}`);
      return [h('b.mono', `gpa ${at(i)}`), data.frames === 1 ? h('span.dim.mono', ` gfn ${hex(BigInt(data.from) + BigInt(i))}`) : '', ` · ${words.join(' · ')}`];
    }

    function drawLegend() {
      if (data.counts) {
        const most = Math.max(0, ...data.counts);
        return replace(legend, h('span.dim', `${counts[data.by]} up to this event, a cell: `), h('span.dim', '1 '), ['--h0', '--h1', '--h2', '--h3', '--h4', '--h5'].map(name => h('i.swatch', { css: { background: `var(${name})` } })), h('span.dim', ` ${number(most)}`));
      }
      const seen = new Set(data.mapped.map((_, i) => state(i)));
      replace(legend, states.filter(([name]) => seen.has(name)).map(([, variable, label]) => h('span.state', h('i.swatch', { css: { background: `var(${variable})` } }), label)));
    }

    async function drawFrame() {
      const gfn = app.parameters.gfn;
      cause = null;
      if (!gfn) return replace(side, empty('Choose a frame to see all that changed its translation, with the access behind each change.'));
      const now = app.at ?? app.run().last;
      const frame = await fetchFrame('gfn', { run: app.parameters.run, gfn, at: now });
      cause = frame.cause ?? null;
      replace(side,
        h('h2', h('span.mono', `gfn ${frame.gfn}`), h('span.dim', ` of ${frame.run}`)),
        h('p', h('a.button', { href: app.href('tables', { gpa: hex(BigInt(frame.gfn) << 12n) }) }, 'Its tables'), ' ', h('a.button', { href: app.href('queries', { q: 'why-gfn', 'p.gfn': frame.gfn }) }, '@why-gfn')),
        frame.earlier && h('p.dim', 'Changes before these are not shown: move the cursor back.'),
        frame.history.length ? historyList('frames', frame.history.map(write => historyRow(app, { at: write.ordinal, table: write.table, idx: write.idx }, write.ordinal > now ? 'later' : write.ordinal === now ? 'here' : '',
          eventLink(app, write.ordinal, undefined, { table: write.table, idx: write.idx }), h('span.dim', levelName(write.level)), change(write),
          h('span.dim.fn', write.access ? [`${write.access} `, h('span.mono', write.gva), write.symbol ? ` ${write.symbol}` : write.rip ? h('span.mono', ` rip ${write.rip}`) : ''] : '', h('span.mono', ` ${write.actor === 'hardware' ? 'the CPU' : write.function}`))))) : empty('No entry that translates this frame was ever written.'),
        frame.later && h('p.dim', 'There are later changes: move the cursor on.'));
      // What the frame is by now stands in the middle of a long list.
      const last = [...side.querySelectorAll('.row:not(.later)')].at(-1);
      if (last && side.scrollHeight > side.clientHeight) side.scrollTop = last.offsetTop - side.offsetTop - side.clientHeight / 2;
      // On a narrow screen the answer is below the picture: whoever asked for a frame is shown it.
      if (shownFrame !== gfn && side.getBoundingClientRect().top > innerHeight * 0.8) side.scrollIntoView({ block: 'center' });
      shownFrame = gfn;
    }

    function why() {
      if (cause) app.go('why', cause);
      else app.notice(app.parameters.gfn ? `No entry has translated gfn ${app.parameters.gfn} up to this event.` : 'Choose a frame first: Enter opens the cell.', 'hint');
    }

    function choose(i, isOpened) {
      cell = Math.max(0, Math.min(data.mapped.length - 1, i));
      draw();
      if (isOpened) into();
    }

    function into() {
      if (data.frames === 1) return app.patch({ gfn: hex(BigInt(data.from) + BigInt(cell)) }, { replaces: true });
      const frames = (Number(data.to) - Number(data.from)) / 16;
      const middle = Number(data.from) + (cell + 0.5) * data.frames;
      const from = Math.max(0, Math.floor((middle - frames / 2) / 512) * 512);
      app.patch({ from: hex(from), to: hex(from + Math.max(2048, Math.ceil(frames / 512) * 512)) });
    }

    function out() {
      const span = Number(data.to) - Number(data.from);
      const from = Math.max(0, Number(data.from) - span * 1.5);
      const to = Number(data.to) + span * 1.5;
      app.patch(from === 0 && to >= Number(data.extent) ? { from: null, to: null } : { from: hex(Math.floor(from / 512) * 512), to: hex(Math.min(Number(data.extent), Math.ceil(to / 512) * 512)) });
    }

    const all = () => app.patch({ from: null, to: null });

    function cycle() {
      const names = ['', ...Object.keys(counts)];
      app.patch({ by: names[(names.indexOf(app.parameters.by ?? '') + 1) % names.length] || null }, { replaces: true });
    }

    const under = event => {
      const box = canvas.getBoundingClientRect();
      const column = Math.floor((event.clientX - box.left - gutter) / size);
      const index = Math.floor((event.clientY - box.top) / size) * columns + column;
      return column >= 0 && column < columns && index >= 0 && index < data.mapped.length ? index : null;
    };
    canvas.addEventListener('pointermove', event => { const i = data && under(event); if (i !== null && data) replace(tip, describe(i)); });
    canvas.addEventListener('pointerleave', () => data && replace(tip, describe(cell)));
    canvas.addEventListener('click', event => { const i = under(event); if (i !== null) choose(i, true); });
    const redraw = () => draw();
    addEventListener('themechange', redraw);
    addEventListener('resize', redraw);
    return {
      update,
      edge: times => data?.at ?? (times > 0 ? app.run().first - 1 : app.run().last + 1),
      plays: true,
      keys(event) {
        if (!data) return false;
        const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
        if (move) return choose(cell + move), true;
        if (event.key === 'Enter' && event.target.closest?.('a, button')) return false;
        const action = { Enter: into, '+': into, '=': into, '-': out, 0: all, c: cycle, w: why, h: () => focusHistory(side) }[event.key];
        if (!action) return false;
        action();
        return true;
      },
      dispose() {
        removeEventListener('themechange', redraw);
        removeEventListener('resize', redraw);
      },
    };
  },
};

// Two runs of one capture, event by event: what is alike, what each did alone, where they part and why, what each would cost.
import { h, replace, colour } from '../dom.js';
import { latest } from '../api.js';
import { lane } from '../plot.js';
import { number, short, plural } from '../format.js';
import { eventLink, empty } from './parts.js';

const kinds = [['exits', 'VM exits'], ['faults', 'Faults'], ['writes', 'Table writes'], ['flushes', 'TLB flushes'], ['pageOperations', 'Operations on table pages'], ['guestFaults', 'Guest faults']];
const charts = [['exits', 'Exits'], ['writes', 'Table writes'], ['walkReferences', 'Entries read by walks'], ['cost', 'Cost']];
const page = 20;

export const compare = {
  title: 'Compare',
  about: 'two runs, and where they part',
  help: [['n', 'the next event at which they part']],
  mount(element, app) {
    const head = h('div.viewhead');
    const body = h('div.comparison');
    element.append(head, body);
    const fetchDiff = latest();
    const fetchDivergences = latest();
    let drawn = [];
    let diff = null;
    let asked = '';
    let listed = [];
    let lit = null;

    async function update() {
      const vs = app.parameters.vs;
      if (!vs) {
        const other = app.runs.find(run => run.key !== app.run().key);
        replace(head, h('h1', 'Compare'));
        asked = '';
        return replace(body, empty(other ? 'Choose a run beside this one: ' : 'There is only one run here. Replay the capture in another mode: replay run … --mmu …', other && app.runs.filter(run => run.key !== app.run().key).map(run => [h('a.button', { href: app.href('compare', { vs: run.key }) }, run.key), ' '])));
      }
      const key = `${app.run().key}|${vs}|${app.parameters.from}|${app.parameters.to}`;
      if (key !== asked) {
        replace(head, h('h1', `${app.run().key} and ${vs}`), h('span.dim', 'comparing, event by event …'));
        element.setAttribute('aria-busy', 'true');
        diff = await fetchDiff('compare', { run: app.parameters.run, vs, from: app.parameters.from, to: app.parameters.to });
        asked = key;
        draw();
      }
      await drawDivergences();
    }

    function draw() {
      const { a, b } = diff;
      replace(head, h('h1', h('span.key.a', a.name), ' and ', h('span.key.b', b.name)), h('span.range', 'events ', h('b', number(diff.firstOrdinal)), ' to ', h('b', number(diff.lastOrdinal)), diff.isSame ? h('b', ' · the same, to the last bit') : ''), h('a.button', { href: `/report.html?${new URLSearchParams(Object.entries({ run: app.run().key, vs: app.parameters.vs, from: app.parameters.from, to: app.parameters.to }).filter(([, value]) => value !== undefined))}`, 'data-plain': true, target: '_blank', title: 'The comparison as one page to keep or to send' }, 'Report'));
      const divergence = diff.firstDivergence;
      replace(body,
        diff.remarks.map(remark => h('p.dim', remark)),
        divergence && h('section.card.first'),
        h('div.cards',
          h('section.card', h('h2', 'What each did'), h('table.counts', h('thead', h('tr', h('th', ''), h('th.num', a.name), h('th.num', b.name), h('th.num', 'alike'))),
            h('tbody', kinds.map(([name, label]) => h('tr', h('td', label), h('td.num', number(diff[name].a)), h('td.num', number(diff[name].b)), h('td.num', number(diff[name].alike))))))),
          ...['exits', 'faults', 'writes'].map(name => sorts(name)),
          h('section.card', h('h2', 'Cost'), h('p', diff.cost.verdict ?? ''), h('p.dim', 'By the cost table; replay diff --costs FILE takes another.')),
          h('section.card', h('h2', 'Memory seen'), h('p', frames(diff.frames)))),
        h('section.card', h('h2', 'Over the run'), h('div.lanes.compare')),
        h('section.card', { id: 'divergences' }));
      drawHeadline(divergence);
      chartsOf(body.querySelector('.lanes'));
    }

    /** The divergence at the cursor, or else the first. */
    function drawHeadline(divergence) {
      const card = body.querySelector('.card.first');
      if (!card) return;
      const first = diff.firstDivergence;
      const isFirst = divergence.ordinal === first.ordinal;
      replace(card, h('h2', isFirst ? 'They part first at ' : 'They part at ', divergence.ordinal !== null && divergence.ordinal !== undefined ? eventLink(app, divergence.ordinal) : 'the end', !isFirst && h('span.dim', ', first at ', eventLink(app, first.ordinal))),
        h('p', divergence.access, '. ', h('b', divergence.reason)), sides(divergence));
    }

    function sorts(name) {
      const list = diff[name].sorts.slice(0, 8);
      const most = Math.max(1, ...list.flatMap(sort => [sort.a, sort.b]));
      const bar = (count, side) => h('i.bar', { class: side, css: { width: `${100 * count / most}%` }, title: number(count) });
      return h('section.card', h('h2', kinds.find(([kind]) => kind === name)[1], ' by sort'), list.map(sort => h('div.sort', h('span', sort.name), h('span.dim', `${number(sort.a)} | ${number(sort.b)}`), h('div.bars', bar(sort.a, 'a'), bar(sort.b, 'b')))), diff[name].sorts.length > list.length && h('p.dim', `and ${diff[name].sorts.length - list.length} more sorts`));
    }

    const frames = check => check?.verdict ?? check?.text ?? Object.entries(check ?? {}).filter(([, value]) => typeof value === 'number' || typeof value === 'string').map(([name, value]) => `${name.replaceAll(/([A-Z])/g, ' $1').toLowerCase()}: ${typeof value === 'number' ? number(value) : value}`).join(' · ');

    function sides(divergence) {
      const side = (action, name, key) => h('div.side', { class: key }, h('h4', name),
        [...action.exits, ...action.faults].map(line => h('p.mono', line)), action.writes.map(line => h('p.mono.dim', line)),
        action.writeCount > action.writes.length && h('p.dim', `and ${plural(action.writeCount - action.writes.length, 'write')} more`), action.flushes.map(line => h('p.mono.dim', `TLB flush ${line}`)),
        !action.exits.length && !action.writeCount && h('p.dim', 'nothing: no exit, no write'));
      return h('div.sides', side(divergence.a, diff?.a.name ?? 'A', 'a'), side(divergence.b, diff?.b.name ?? 'B', 'b'));
    }

    function chartsOf(place) {
      for (const chart of drawn) chart.destroy();
      drawn = [];
      replace(place);
      const width = Math.max(200, place.clientWidth - (innerWidth < 600 ? 0 : 112));
      const x = diff.ranges.map(range => range.firstOrdinal);
      const min = diff.firstOrdinal;
      const max = diff.lastOrdinal;
      charts.forEach(([name, label], i) => {
        const holder = h('div.chart');
        place.append(h('div.lane', h('div.name', h('span', label)), holder));
        const series = ['a', 'b'].map(side => ({ label: side, colour: colour(`--${side}`), fill: `${colour(`--${side}`)}${side === 'a' ? '55' : '18'}`, x: [...x, max], y: [...diff.ranges, diff.ranges.at(-1)].map(range => range[name]?.[side] ?? 0), width: 1.25 }));
        const chart = lane(holder, series, { width, height: 60 + (i === charts.length - 1 ? 26 : 0), min, max, isLog: false, hasAxis: i === charts.length - 1, sync: 'compare', onZoom: (from, to) => app.go('timeline', { from: Math.floor(from), to: Math.ceil(to) }), onPick: at => app.go('timeline', { at: Math.round(at) }) });
        chart.place({ parts: diff.firstDivergence?.ordinal ?? null });
        drawn.push(chart);
      });
    }

    async function drawDivergences() {
      const place = body.querySelector('#divergences');
      if (!place || diff.isSame || diff.alignedBy !== 'ordinal') return;
      const after = app.parameters.after;
      const { divergences, isLast } = await fetchDivergences('divergences', { run: app.parameters.run, vs: app.parameters.vs, after, count: page });
      replace(place, h('h2', 'Where they part', h('span.tools', after !== undefined && h('button', { onclick: () => app.patch({ after: null }) }, 'From the first'), !isLast && h('button', { onclick: () => app.patch({ after: divergences.at(-1).ordinal }) }, `Next ${page}`))),
        divergences.length ? divergences.map(one => h('details.divergence', { id: `event-${one.ordinal}`, class: one.ordinal === app.at ? 'here' : '', 'aria-current': one.ordinal === app.at ? 'true' : null, open: one.ordinal === app.at }, h('summary', eventLink(app, one.ordinal), h('span', one.reason)), h('p.dim', one.access), sides(one))) : empty('From here on both do the same.'));
      listed = divergences.map(one => one.ordinal);
      const here = divergences.find(one => one.ordinal === app.at);
      drawHeadline(here ?? diff.firstDivergence);
      if (here && lit !== here.ordinal) place.querySelector('.here').scrollIntoView({ block: 'center' });
      lit = here?.ordinal ?? null;
    }

    /** The page of divergences on which an event would stand. */
    const follow = ordinal => listed.length && ordinal >= listed[0] && ordinal <= listed.at(-1) ? {} : { after: ordinal - 1 };

    const redraw = () => diff && body.querySelector('.lanes') && chartsOf(body.querySelector('.lanes'));
    addEventListener('themechange', redraw);
    addEventListener('resize', redraw);
    return { update, follow, dispose() { removeEventListener('themechange', redraw); removeEventListener('resize', redraw); for (const chart of drawn) chart.destroy(); } };
  },
};

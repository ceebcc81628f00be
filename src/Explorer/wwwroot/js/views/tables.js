// KVM's tables as they were after an event: the way to one address, table by table, and what the event changed.
import { h, replace, reconcile, canvas, colour, theme } from '../dom.js';
import { latest } from '../api.js';
import { number, hex, levelName, pageSize, plural } from '../format.js';
import { eventLink, gfnLink, kindBadge, rights, change, value, chain, empty, walkable, historyList, historyRow, focusHistory } from './parts.js';

export const tables = {
  title: 'Tables',
  about: 'every entry as it was at an event',
  help: [
    ['j  k', 'the next event that wrote an entry, and back: what it changed is lit'],
    ['f', 'follow: go where the event wrote, or stay at this address'],
    ['↑ ↓', 'along a table’s entries'],
    ['→ ←', 'to the next table and back, also to the other run’s'],
    ['Enter', 'open an entry'],
    ['w', 'why the entry is so'],
    ['h', 'into its history: ↑ ↓ along it, Enter for the story'],
    ['i', 'into the field for an address'],
  ],
  mount(element, app) {
    const head = h('div.viewhead');
    const trees = h('div.trees');
    const inspector = h('aside.inspector', { 'aria-label': 'Entry' });
    element.append(head, h('div.split', trees, inspector));
    const fetches = [latest(), latest()];
    const fetchEntry = latest();
    const fetchReason = latest();
    let answers = [];
    let cause = null;
    /** What was drawn last, by its place: a step changes few entries, and all else stays where it is. */
    let kept = new Map();
    let keeping = new Map();

    const isFollowing = () => app.parameters.gpa === undefined && app.parameters.gva === undefined;

    async function update() {
      const keys = [app.run().key, ...app.parameters.vs ? [app.parameters.vs] : []];
      answers = await Promise.all(keys.map((run, i) => fetches[i]('tables', { run, at: app.parameters.at, gpa: app.parameters.gpa, gva: app.parameters.gva, root: i === 0 ? app.parameters.root : undefined, vcpu: app.parameters.vcpu })
        .catch(error => { if (error.name === 'AbortError') throw error; return { run, problem: error.message }; })));
      draw();
      scroll();
      await drawEntry();
    }

    function draw() {
      if (!answers.length) return;
      const focused = document.activeElement?.dataset?.place;
      drawHead();
      keeping = new Map();
      reconcile(trees, answers.map((answer, i) => tree(answer, answers[1 - i], i)));
      kept = keeping;
      if (focused && document.activeElement?.dataset?.place !== focused) trees.querySelector(`[data-place="${focused}"]`)?.focus();
    }

    /** To the entries that are shown. All is measured before anything moves, so that the page is laid out once. */
    function scroll() {
      const moves = [];
      for (const row of trees.querySelectorAll('.entry.on, .entry.lit')) {
        const list = row.parentElement;
        const { offsetTop: top } = row;
        const { scrollTop, clientHeight } = list;
        if (top < scrollTop || top > scrollTop + clientHeight - 24) moves.push(() => { list.scrollTop = top - clientHeight / 3; });
      }
      // Where not all tables fit, the deepest are what was asked for.
      for (const columns of trees.querySelectorAll('.columns')) {
        const { scrollLeft, scrollWidth, clientWidth } = columns;
        if (scrollLeft + clientWidth < scrollWidth) moves.push(() => { columns.scrollLeft = scrollWidth; });
        moves.push(() => columns.classList.toggle('further', columns.scrollLeft > 0));
      }
      for (const move of moves) move();
    }

    /** An element that stays from one drawing to the next. */
    function standing(place, make) {
      const element = kept.get(place)?.element ?? make();
      keeping.set(place, { element });
      return element;
    }

    /** An element that is made anew where anything that it is made of is another. */
    function unchanged(place, look, make) {
      const before = kept.get(place);
      const element = before?.look === look ? before.element : make();
      keeping.set(place, { look, element });
      return element;
    }

    function drawHead() {
      const answer = answers[0];
      const at = answer.at ?? app.at ?? app.run().last;
      const way = answer.path?.map(table => `${table.name}[${table.idx}]`).join(' › ');
      replace(head,
        h('h1', 'Tables'),
        h('span.range', 'after event ', eventLink(app, at), answer.address ? [h('span.dim', answer.direct ? ' · gpa ' : answer.nested ? ' · L2 gpa ' : ' · gva '), h('b.mono', answer.address), h('span.dim.mono', ` ${way}`)] : ''),
        h('span.tools',
          h('button', { onclick: follow, 'aria-pressed': String(isFollowing()), title: 'Go where the event wrote (f)' }, 'follow'),
          h('button', { onclick: () => app.play(), title: 'Play (Space)', 'data-play': true }, app.playing ? 'pause' : 'play'),
          h('form.go', { onsubmit: event => { event.preventDefault(); goTo(event.target.elements[0].value); } }, h('input', { type: 'text', placeholder: answer.direct ? 'gpa 0x…' : 'gva 0x…', 'aria-label': 'Address', size: 14, spellcheck: 'false' }))));
    }

    function goTo(text) {
      if (!/^(0x[0-9a-f]+|\d+)$/i.test(text.trim())) return app.notice('Write the address as 0x… or as a decimal number.', 'hint');
      app.patch(answers[0].direct ? { gpa: hex(text.trim()), gva: null } : { gva: hex(text.trim()), gpa: null });
    }

    function follow() {
      if (!isFollowing()) app.patch({ gpa: null, gva: null, table: null, idx: null });
      else if (answers[0].address) app.patch(answers[0].direct ? { gpa: answers[0].address } : { gva: answers[0].address });
    }

    function tree(answer, other, side) {
      const name = h('h2.runname', { class: side === 0 ? 'a' : 'b' }, answer.run);
      if (answer.problem) return h('section.tree', h('header', name), empty(answer.problem));
      const lit = new Set(answer.writes.map(write => `${write.table}:${write.idx}`));
      const inPath = new Set(answer.path.map(table => table.tableId));
      const elsewhere = answer.writes.filter(write => !inPath.has(write.table));
      const root = answer.root;
      return reconcile(standing(`tree-${side}-${answer.run}`, () => h('section.tree', { 'aria-label': `Tables of ${answer.run}` })),
        h('header', name,
          h('span.dim', answer.roots.length > 1
            ? ['root ', h('select', { 'aria-label': 'Root', onchange: event => app.patch({ root: event.target.value || null, run: answer.run, vs: side === 0 ? app.parameters.vs : app.run().key }) },
                answer.roots.map(candidate => h('option', { value: candidate.tableId === root?.tableId ? '' : candidate.tableId, selected: candidate.tableId === (Number(app.parameters.root) || root?.tableId) },
                  `T${candidate.tableId} ${levelName(candidate.level)}${candidate.tableId === root?.tableId ? ' (in use)' : ''}${candidate.nested ? ' nested' : ''}${candidate.zapped ? ' zapped' : ''} gfn ${candidate.gfn}`)))]
            : root ? `root T${root.tableId}` : ''),
          root?.register && h('span.dim', ` ${answer.format === 'ept' ? 'EPTP' : answer.mode?.startsWith('npt') ? 'nCR3' : 'CR3'} `, h('span.mono', root.register), ' since ', eventLink(app, root.since, answer.run)),
          h('span.writes', answer.writes.length ? [h('b', plural(answer.writes.length, 'write')), ' at this event', elsewhere.length ? [h('span.dim', ', elsewhere: '), elsewhere.slice(0, 6).map(write => [chip(write, answer), ' '])] : ''] : h('span.dim', 'no write at this event'))),
        answer.gap && empty(answer.gap.what, ' ', answer.gap.companion ? `The run ${answer.gap.companion} has more.` : answer.gap.remedy),
        answer.unknown ? unknown(answer) : answer.path.length ? reconcile(standing(`columns-${side}-${answer.run}`, () => h('div.columns')), answer.path.map((table, depth) => column(answer, table, depth, lit, other?.path?.[depth], side))) : answer.gap ? '' : empty(root ? 'This root has no tables.' : 'This vCPU had no root yet at this event.'),
        answer.dimension && dimension(answer, lit, side));
    }

    /** These tables translate another kind of address, and no access up to the cursor shows which one it is. */
    function unknown({ unknown, direct, at, run }) {
      const words = `where the page of ${unknown.kind} ${unknown.address} is ${direct ? 'in guest-physical memory' : 'in the guest’s address space'}`;
      return unknown.first === undefined
        ? empty(`No access to it left a trace in this run, so it is not known ${words}.`)
        : empty(`Up to event ${number(at)} no access shows ${words}. The first that does is `, h('a.event', { href: app.href('tables', { run, vs: run === app.run().key ? app.parameters.vs : app.run().key, at: unknown.first }) }, `event ${number(unknown.first)}`), '.');
    }

    /** Where L2's physical address lies in L1's memory, and KVM's tables for that. */
    function dimension(answer, lit, side) {
      const { address, guest, path, root } = answer.dimension;
      return h('div.dimension', { 'aria-label': `The way through the tables for ${guest}` },
        h('p.dim', 'The nested page tables lead to gpa ', h('b.mono', address), ` of ${guest}, whose tables (T${root}) have:`),
        reconcile(standing(`dimension-${side}-${answer.run}`, () => h('div.columns')), path.map((table, depth) => column(answer, table, answer.path.length + depth, lit, undefined, side))));
    }

    const chip = (write, answer) => h('a.chip.mono', { href: answer.direct && write.gfn ? app.href('tables', { gpa: hex(BigInt(write.gfn) << 12n), gva: null }) : app.href('why', { run: answer.run }) }, `T${write.table}[${write.idx}]`);

    function column(answer, table, depth, lit, twin, side) {
      // Tables over guest-physical addresses and tables over the guest's own have nothing at the same index.
      const isAlike = answers.length > 1 && answers[0].direct === answers[1].direct;
      const theirs = isAlike && twin && (depth === 0 || twin.level === table.level && twin.page?.gfn === table.page?.gfn) ? new Map(twin.entries.map(entry => [entry.i, entry])) : null;
      const mine = new Map(table.entries.map(entry => [entry.i, entry]));
      const differs = i => theirs !== null && !alike(mine.get(i), theirs.get(i));
      const missing = theirs ? [...theirs.keys()].filter(i => !mine.has(i)) : [];
      const beside = new Map(table.beside?.entries.map(entry => [entry.i, entry]) ?? []);
      const link = app.href('why', { at: 0, run: answer.run });
      const rows = [...table.entries, ...missing.map(i => ({ i, kind: 'none', absent: true })), ...mine.has(table.idx) || missing.includes(table.idx) ? [] : [{ i: table.idx, kind: 'none' }]].sort((one, two) => one.i - two.i);
      const place = `${side}-${depth}-${answer.run}-${table.tableId}`;
      const element = standing(`table-${place}`, () => h('div.table'));
      element.classList.toggle('few', rows.length <= 2 && table.level > 2);
      const look = [JSON.stringify(table.page), table.entries.length, table.guest, table.beside?.name, table.beside?.gfn, table.beside?.known, table.beside?.entries.length, link].join('|');
      return reconcile(element,
        unchanged(`header-${place}`, look, () => h('header', h('b', table.name), h('span.mono.dim', ` T${table.tableId}`), table.page.nested && h('span.chip', 'nested'), table.page.zapped && h('span.chip.zapped', 'zapped'),
          h('span.count', `${table.entries.length}/512`),
          table.guest === 'L2' && h('span.chip', 'L2'),
          table.beside && h('div.sub', `beside ${table.beside.name} gfn ${table.beside.gfn}: `, table.beside.known ? plural(table.beside.entries.length, 'entry', 'entries') : 'its content is not known'),
          h('div.sub.dim', table.page.direct ? `gfn ${table.page.gfn}` : `of guest table gfn ${table.page.gfn}`, ` · at ${table.page.hpa}`, ` · made at `, eventLink(app, table.page.created, answer.run)))),
        unchanged(`strip-${place}`, [table.idx, theme(), ...table.entries.map(entry => `${entry.i}${entry.kind}${differs(entry.i)}`), ...[...lit].filter(one => one.startsWith(`${table.tableId}:`))].join(), () => strip(table, lit, differs)),
        reconcile(standing(`entries-${place}`, () => walkable(h('div.entries'))), rows.map(entry => row(answer, table, entry, depth, lit, differs(entry.i), beside, side, link))));
    }

    /** One entry of a table; the element that it had before, where nothing of it has changed. */
    function row(answer, table, entry, depth, lit, isDifferent, beside, side, link) {
      const look = [entry.v, entry.kind, entry.since, entry.by, entry.absent, entry.i === table.idx, lit.has(`${table.tableId}:${entry.i}`), isDifferent, beside.get(entry.i)?.v, link].join('|');
      return unchanged(`${side}-${depth}-${table.tableId}-${entry.i}`, look, () => drawRow(side, answer.run, table, entry, depth, lit, isDifferent, beside));
    }

    function drawRow(side, run, table, entry, depth, lit, isDifferent, beside) {
      return h('div.entry', {
          // One of a table is in the order of Tab; arrows go from there.
          tabindex: entry.i === table.idx ? 0 : -1,
          'data-place': `${side}-${depth}-${entry.i}`,
          class: [entry.i === table.idx && 'on', lit.has(`${table.tableId}:${entry.i}`) && 'lit', isDifferent && 'differs', entry.absent && 'absent'].filter(Boolean).join(' '),
          title: entry.v ? `${entry.v}${entry.bits ? ` ${entry.bits}` : ''}${entry.by ? `, by ${entry.by} at event ${number(entry.since)}` : ''}` : 'not here, but in the other run',
          onclick: event => event.target.closest('a') || choose(answers[side], table, entry, depth),
        },
        h('span.i.mono', entry.i),
        entry.kind === 'none' ? h('span.dim', entry.absent ? 'only in the other' : answers[side].gap && table.level > 1 ? 'not shown' : 'none') : kindBadge(entry.kind),
        rights(entry.rights),
        beside.has(entry.i) && h('span.mono.beside', { title: `${table.beside.name}[${entry.i}] ${beside.get(entry.i).v} ${beside.get(entry.i).rights ?? ''}` }, `${table.beside.name} ${beside.get(entry.i).v}`),
        h('span.mono.gfn', entry.gfn && entry.kind !== 'table' ? entry.gfn : ''),
        entry.kind === 'table' && h('span.dim.into', '›'),
        entry.since !== null && entry.since !== undefined && h('span.since.dim', eventLink(app, entry.since, run, { table: table.tableId, idx: entry.i }, -1)));
    }

    /** All 512 entries at a glance, 64 a row. */
    function strip(table, lit, differs) {
      const cell = 4;
      const kinds = new Map(table.entries.map(entry => [entry.i, entry.kind]));
      const colours = { page: colour('--k-page'), huge: colour('--k-huge'), table: colour('--k-table'), root: colour('--k-table'), mmio: colour('--k-mmio') };
      const [litColour, parts, dim, free, text] = ['--lit', '--parts', '--dim', '--cell', '--text'].map(colour);
      return canvas(64 * cell, 8 * cell, context => {
        for (let i = 0; i < 512; i++) {
          const isLit = lit.has(`${table.tableId}:${i}`);
          context.fillStyle = isLit ? litColour : differs(i) ? parts : kinds.has(i) ? colours[kinds.get(i)] ?? dim : free;
          context.fillRect(i % 64 * cell, Math.floor(i / 64) * cell, cell - 1, cell - 1);
          if (i === table.idx) {
            context.strokeStyle = text;
            context.strokeRect(i % 64 * cell - 0.5, Math.floor(i / 64) * cell - 0.5, cell, cell);
          }
        }
      }, { class: 'strip', role: 'img', 'aria-label': `${table.entries.length} of 512 entries are in use` });
    }

    /** Host frames are numbered anew in every run, so that they are not compared. */
    function alike(one, two) {
      if (!one || !two) return !one && !two;
      return one.kind === two.kind && one.gfn === two.gfn && (one.rights ?? '').slice(0, 4) === (two.rights ?? '').slice(0, 4);
    }

    function choose(answer, table, entry, depth) {
      // In the second dimension another address is on the way; what is on the way already changes no address.
      if (depth >= answer.path.length || entry.i === table.idx) return app.patch({ table: table.tableId, idx: entry.i, of: answer.run === app.run().key ? null : answer.run }, { replaces: true });
      const shift = BigInt(9 * table.level + 3);
      const base = BigInt.asUintN(64, BigInt(answer.address ?? 0));
      const span = 1n << (shift + 9n);
      let address = base / span * span | BigInt(entry.i) << shift;
      if (!answer.direct && address >> 47n & 1n) address = BigInt.asUintN(64, BigInt.asIntN(48, address));
      const name = answer.direct ? 'gpa' : 'gva';
      const isSame = answer.run === app.run().key;
      app.patch({ gpa: null, gva: null, [name]: hex(address), table: table.tableId, idx: entry.i, of: isSame ? null : answer.run }, { replaces: true });
      const next = trees.querySelector(`[data-place^="${isSame ? 0 : 1}-${depth}-${entry.i}"]`);
      next?.focus();
    }

    async function drawEntry() {
      const answer = answers.find(one => one.run === (app.parameters.of ?? app.run().key)) ?? answers[0];
      const last = answer.path?.at(-1);
      // Who follows sees what the event wrote, who asked for an address where its way ends.
      const shown = isFollowing() ? answer.writes?.[0] ?? last : last ?? answer.writes?.[0];
      const table = app.parameters.table ?? shown?.table ?? shown?.tableId;
      const idx = app.parameters.idx ?? shown?.idx;
      if (answer.problem || table === undefined) return replace(inspector, empty('Choose an entry to see its bits and who wrote it.'));
      const entry = await fetchEntry('entry', { run: answer.run, table, idx, at: app.parameters.at, limit: 40 });
      const now = entry.history[0];
      const made = madeBy(entry);
      cause = made ? { at: made.ordinal, run: answer.run, table, idx } : null;
      replace(inspector,
        h('h2', h('span.mono', `T${table}[${idx}]`), h('span.dim', ` of ${answer.run}`)),
        entry.zapped !== undefined && h('p.dim', `T${table} was zapped at `, eventLink(app, entry.zapped, answer.run), entry.zapped > entry.at ? ', later.' : ': it is not in the tables any more.'),
        now ? [
          h('p', h('span.mono.big', now.new ?? '?'), ' ', kindBadge(now.newKind), ' ', rights(now.newRights)),
          h('div.bits', entry.bits.filter(bit => bit.value !== undefined && bit.name !== 'kind').map(bit => bit.isBit
            ? h('span.bit', { class: bit.value === '1' ? 'set' : '', title: bit.meaning }, bit.name)
            : h('span.bit.val', { title: bit.meaning }, `${bit.name} `, h('b.mono', bit.value)))),
          h('p', h('a.button', { href: app.href('why', cause) }, 'Why it is so'), ' ', h('span.dim', `${now.newKind === 'none' ? 'emptied' : 'made'} at `), eventLink(app, made.ordinal, answer.run, { table, idx }), h('span.dim', by(made)),
            now.seq !== made.seq && [h('span.dim', ', written last at '), eventLink(app, now.ordinal, answer.run, { table, idx }), h('span.dim', by(now))]),
          h('h3', 'Its history, newest first'),
          historyList('', entry.history.map(write => historyRow(app, { at: write.ordinal, run: answer.run, table, idx }, write.ordinal === entry.at ? 'here' : '', eventLink(app, write.ordinal, answer.run, { table, idx }), change(write), h('span.mono.dim.fn', { title: write.chain }, write.actor === 'hardware' ? 'the CPU' : write.function)))),
          entry.next !== undefined && h('p.dim', 'Next written at ', eventLink(app, entry.next, answer.run), '.'),
        ] : [empty('Not written up to this event: it is 0.'), entry.next !== undefined && h('p.dim', 'First written at ', eventLink(app, entry.next, answer.run), '.')]);
    }

    const by = write => write.actor === 'hardware' ? ' by the CPU' : ` by ${write.function}`;

    /** The write that made or emptied an entry; where the run does not show it, the newest. */
    const madeBy = ({ cause, history }) => cause ?? history[0];

    /** Why the entry that has the focus is so, or else the one that is opened. */
    async function explain() {
      const [side, depth, i] = (document.activeElement?.dataset?.place ?? '').split('-').map(Number);
      if (i === undefined) return cause && app.go('why', cause);
      const { run, path, dimension: second } = answers[side];
      const table = path[depth] ?? second?.path[depth - path.length];
      try {
        const made = madeBy(await fetchReason('entry', { run, table: table.tableId, idx: i, at: app.parameters.at, limit: 1 }));
        if (made) app.go('why', { at: made.ordinal, run, table: table.tableId, idx: i });
        else app.notice(`T${table.tableId}[${i}] was not written up to this event.`, 'hint');
      } catch (error) {
        app.fail(error);
      }
    }

    /** Left and right go from table to table. */
    function across(by) {
      const all = [...trees.querySelectorAll('.table')];
      const here = all.indexOf(document.activeElement?.closest?.('.table'));
      const next = here < 0 ? (by > 0 ? all[0] : all.at(-1)) : all[here + by];
      const target = next?.querySelector('.entry.on') ?? next?.querySelector('.entry');
      target?.focus();
      target?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
      return Boolean(target);
    }

    addEventListener('themechange', draw);
    return {
      update,
      edge: () => answers[0]?.at ?? app.run().last,
      plays: true,
      keys(event) {
        if (event.key === 'f') return follow(), true;
        if (event.key === 'w') return explain(), true;
        if (event.key === 'h') return focusHistory(inspector), true;
        if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') return across(event.key === 'ArrowRight' ? 1 : -1);
        if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && !document.activeElement?.dataset?.place) return trees.querySelector('.entry.on, .entry')?.focus(), true;
        return false;
      },
      dispose: () => removeEventListener('themechange', draw),
    };
  },
};

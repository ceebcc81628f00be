// One event as a story: the guest's access, the exit, what KVM did about it, entry by entry.
import { h, replace } from '../dom.js';
import { latest } from '../api.js';
import { number, hex, indices, levelName, pageSize, plural } from '../format.js';
import { eventLink, eventWords, accessWords, change, chain, chips, value, gfnLink, kindBadge, empty, rights } from './parts.js';

const outcomes = {
  fixed: 'KVM made the entry, and the guest goes on.',
  spurious: 'The entry was already good: another vCPU, or the CPU itself, was faster.',
  emulate: 'KVM emulates the instruction: device memory, or a store to a table that it shadows.',
  retry: 'The guest tries again.',
  guest_fault: 'The guest’s own tables forbid it: the fault is handed to the guest.',
  invalid: 'KVM cannot say what it was.',
};

export const why = {
  title: 'Why',
  about: 'one event as a story',
  help: [['j  k', 'the next event, and back']],
  mount(element, app) {
    const head = h('div.viewhead');
    const stories = h('div.stories');
    element.append(head, stories);
    const fetches = [latest(), latest()];
    const fetchReason = latest();

    let shown = null;
    let marked = '';

    async function update() {
      const keys = [app.run().key, ...app.parameters.vs ? [app.parameters.vs] : []];
      const first = await fetches[0]('why', { run: keys[0], at: app.parameters.at });
      const answers = [first];
      if (keys[1]) answers.push(await fetches[1]('why', { run: keys[1], at: first.at }));
      shown = first.at;
      replace(head, h('h1', `Why: event ${number(first.at)}`), access(answers), asked(first), keys[1] ? h('p.verdict', { id: 'verdict' }, h('span.dim', 'comparing …')) : '');
      replace(stories, answers.map((answer, i) => story(answer, i, keys.length > 1)));
      mark();
      if (keys[1]) await verdict(first.at);
    }

    const isAsked = write => write.table === Number(app.parameters.table) && write.idx === Number(app.parameters.idx);

    /** Who came for one entry of a table is told which, and whether this event wrote it. */
    function asked(answer) {
      if (app.parameters.table === undefined || app.parameters.idx === undefined) return '';
      const count = answer.steps.filter(step => step.kind === 'write' && isAsked(step)).length;
      return h('p.asked', 'Asked about ', h('b.mono', `T${app.parameters.table}[${app.parameters.idx}]`), ` of ${answer.run}: `, count ? 'its write is marked below.' : answer.writes > answer.shown ? 'it is not among the writes that are shown.' : 'this event did not write it.');
    }

    /** To the entry that was asked about, once: who has scrolled on since stays there. */
    function mark() {
      const row = stories.querySelector('.row.asked');
      const key = row ? location.search : '';
      if (row && key !== marked && row.getBoundingClientRect().bottom > innerHeight) row.scrollIntoView({ block: 'center' });
      marked = key;
    }

    async function verdict(at) {
      const line = head.querySelector('#verdict');
      try {
        const { divergences } = await fetchReason('divergences', { run: app.parameters.run, vs: app.parameters.vs, from: at, count: 1 });
        const here = divergences[0]?.ordinal === at;
        replace(line, here ? [h('b', 'Here they part. '), divergences[0].reason] : divergences.length ? [h('span.dim', 'Here both do alike, each in its own way. They next part at '), eventLink(app, divergences[0].ordinal), h('span.dim', ' (n).')] : h('span.dim', 'From here on both do alike.'));
      } catch (error) {
        if (error.name !== 'AbortError') replace(line, h('span.dim', error.message));
      }
    }

    function access(answers) {
      const { access: made, at } = answers.find(answer => answer.access) ?? answers[0];
      if (!made) {
        const instruction = answers.flatMap(answer => answer.steps).find(step => step.kind === 'exit');
        if (!instruction && (at > app.run().last || at < app.run().first)) return h('p.lead', `The run has the events ${number(app.run().first)} to ${number(app.run().last)}: this is none of them.`);
        return h('p.lead', instruction ? ['The guest’s instruction behind ', h('b', instruction.reason), '.'] : 'No access of the guest: this began in the host, or is no event of the guest’s memory.');
      }
      return h('p.lead',
        made.implicit ? 'The CPU itself ' : made.user ? 'A user program ' : 'The guest ',
        h('b.access', { class: made.kind }, { read: 'reads', write: 'writes', fetch: 'fetches' }[made.kind]), ` ${plural(made.size, 'byte')} at `, h('b.mono', made.gva),
        made.gpa && [' (', h('a.mono', { href: app.href('memory', { gfn: hex(BigInt.asUintN(64, BigInt(made.gpa)) >> 12n) }) }, `gpa ${made.gpa}`), ')'],
        made.rip && [', from the instruction at ', h('b.mono', made.rip), made.symbol && h('b.symbol', ` ${made.symbol}`)],
        made.vcpu !== undefined && h('span.dim', `, vCPU ${made.vcpu}`), made.value && [', storing ', h('span.mono', made.value)], made.mmio && h('span.chip', 'device memory'), '.');
    }

    function story(answer, side, isBeside) {
      const parts = chapters(answer.steps);
      return h('section.story', { 'aria-label': `What ${answer.run} did` },
        isBeside && h('h2.runname', { class: side === 0 ? 'a' : 'b' }, answer.run),
        !answer.steps.length && empty(answer.access ? 'The entries already allowed it: no exit, and nothing was written.' : `Nothing of ${answer.run} is stored for this event.`, answer.at < app.run().last && [h('br'), h('button', { onclick: () => app.step(1) }, 'To the next event ', h('kbd', 'j'))]),
        h('ol.chapters', guestWalk(answer), parts.map((part, i) => chapter(answer, part, side))),
        answer.writes > answer.shown && h('p.dim', `The first ${number(answer.shown)} of ${number(answer.writes)} writes are shown; @what-happened-at has all.`),
        neighbours(answer));
    }

    /** How the guest's address is taken apart, and which of its own tables the CPU could not read. */
    function guestWalk({ access: made, steps, mode }) {
      if (!made || made.gva === made.gpa) return null;
      const blocked = steps.filter(step => step.kind === 'exit' && step.final === 0);
      return h('li.chapter', h('h3', 'The guest’s own tables'),
        h('p', 'The CPU walks ', h('span.mono', indices(made.gva).map(({ level, idx }) => `${levelName(level)}[${idx}]`).join(' › ')), made.gpa ? [' to ', h('span.mono', made.gpa), '.'] : '.',
          blocked.length ? [` ${plural(blocked.length, 'of these tables is', 'of these tables are')} not mapped yet: each read of a guest table is a guest-physical access of its own.`] : mode === 'shadow' ? ' With shadow paging it walks KVM’s copy of them instead.' : ''));
    }

    /** What belongs to an exit stands under it; what came before the first stands before. */
    function chapters(steps) {
      const parts = [];
      for (const step of steps) {
        if (step.kind === 'exit' || !parts.length) parts.push({ exit: step.kind === 'exit' ? step : null, steps: step.kind === 'exit' ? [] : [step] });
        else parts.at(-1).steps.push(step);
      }
      return parts;
    }

    function chapter(answer, { exit, steps }, side) {
      return h('li.chapter', { class: exit ? 'vmexit' : '' },
        exit ? [h('h3', 'VM exit ', h('span.reason', exit.reason), h('span.dim.mono', ` #${exit.exit}`)),
          h('p', exit.meaning ?? '', ' ', exit.info2 && [information(exit), ' ']),
          h('p', chips(exit.words), h('span.dim.mono', ` info1 ${exit.info1}`, exit.rights ? ` · the entries allowed ${exit.rights}, the access wants ${exit.access}` : ''))]
          : h('h3', steps[0].chain?.startsWith('vcpu_enter_guest') ? 'On the way into the guest' : 'Without an exit'),
        groups(steps).map((group, i, all) => drawGroup(answer, group, all[i - 1]?.chain, side)));
    }

    function information(exit) {
      const isGpa = ['EPT_VIOLATION', 'EPT_MISCONFIG', 'NPF'].includes(exit.reason);
      return isGpa
        ? ['Guest-physical address ', h('a.mono', { href: app.href('memory', { gfn: hex(BigInt(exit.info2) >> 12n) }) }, exit.info2), exit.final === 0 ? ', one of the guest’s page tables.' : '.']
        : [exit.reason.endsWith('_WRITE') ? 'Value ' : 'Address ', h('span.mono', exit.info2), '.'];
    }

    /** Writes by one chain in a row are told together. */
    function groups(steps) {
      const result = [];
      for (const step of steps) {
        const last = result.at(-1);
        if (last && last.kind === step.kind && last.chain === step.chain && last.steps[0].flush === step.flush && ['write', 'page', 'flush'].includes(step.kind)) last.steps.push(step);
        else result.push({ kind: step.kind, chain: step.chain, steps: [step] });
      }
      return result;
    }

    function drawGroup(answer, { kind, chain: path, steps }, before, side) {
      const [first] = steps;
      switch (kind) {
        case 'fault': return h('div.step.fault',
          h('h4', first.handler ? h('span.mono', first.handler) : 'Fault', h('span.dim', ' handles the fault on '), h('span.mono', first.address)),
          h('p', chips(first.words), h('span.dim.mono', ` error code ${first.error}`)),
          first.outcome && h('p', h('b.outcome', { class: first.outcome }, first.outcome), first.mappedLevel > 0 ? ` at ${pageSize(first.mappedLevel)}` : '', `, ${plural(first.writes, 'write')}. `, h('span.dim', outcomes[first.outcome] ?? '')));
        case 'write': return h('div.step.writes',
          path && h('p.path', chain(path, before)),
          h('div.writelist', steps.map(write => h('div.row', { class: side === 0 && isAsked(write) ? 'asked' : '', 'aria-current': side === 0 && isAsked(write) ? 'true' : null, title: write.line ? `a kernel’s tracepoint prints: ${write.line}` : 'no tracepoint of a kernel shows this write' },
            h('a.mono', { href: app.href('tables', { at: answer.at, run: answer.run, table: write.table, idx: write.idx, ...answer.mode === 'shadow' ? {} : { gpa: write.gpa } }) }, `${levelName(write.level)} T${write.table}[${write.idx}]`),
            gfnLink(app, write.gfn), change(write),
            h('span.mono.values', { title: `${write.old} → ${write.new}` }, write.oldKind === 'none' ? '' : [value(write.old), h('span.arrow', '→')], value(write.new)),
            h('span.dim', write.actor === 'hardware' ? 'by the CPU' : write.tracepoint ? '' : 'unseen by ftrace')))));
        case 'page': return h('div.step.line', path && path !== 'hardware' && h('p.path', chain(path, before)), h('p', steps.map((page, i) => [i > 0 && ', ', h('b', { create: 'makes', zap: 'zaps', free: 'frees', find: 'finds', sync: 'syncs', unsync: 'unsyncs' }[page.operation] ?? page.operation), ` ${levelName(page.level)} `, h('span.mono', `T${page.table}`), ' for gfn ', gfnLink(app, page.gfn)]), '.'));
        case 'root': return h('div.step.line', path && h('p.path', chain(path, before)), h('p', h('b', `root ${first.operation}`), first.table ? h('span.mono', ` T${first.table}`) : '', first.value && h('span.mono.dim', ` ${first.value}`)));
        case 'flush': return h('div.step.line', path && h('p.path', chain(path, before)), h('p', h('b', steps.length > 1 ? `${steps.length} TLB flushes` : 'TLB flush'), ` ${first.flush}`, first.flush === 'remote_range' ? h('span.mono', ` from gfn ${first.start}, ${plural(first.pages, 'page')}`) : first.flush === 'gva' ? h('span.mono', ` ${first.start}`) : ''));
        case 'guestFault': return h('div.step.line.guest', h('p', h('b', '#PF for the guest '), h('span.mono', first.gva ?? ''), ' ', chips(first.words), first.recorded ? '' : h('span.dim', ' the capture has none here')));
        default: return h('div.step.line', h('p.dim', `note: ${first.note ?? kind} ${first.recorded ?? ''} ${first.modelled ?? ''}`));
      }
    }

    function neighbours(answer) {
      const line = event => h('div.row', eventLink(app, event.ordinal, answer.run), h('span', accessWords(event)), h('span', eventWords(event)));
      return h('nav.neighbours', { 'aria-label': 'Events around it' }, h('h3', 'Around it'), h('div.events', answer.before.map(line), h('div.row.here', h('b', number(answer.at)), h('span', 'this event'), h('span')), answer.after.map(line)));
    }

    return { update, edge: times => shown ?? (times > 0 ? app.run().first - 1 : app.run().last + 1) };
  },
};

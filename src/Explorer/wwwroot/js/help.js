import { h } from './dom.js';

const everywhere = [
  ['1 … 6', 'the views'],
  ['j  k', 'next event that changed tables, or back'],
  ['J  K', 'ten of them'],
  ['e  E', 'next exit, or back'],
  ['n  N', 'next event at which the two runs part; at which they do for another reason'],
  ['Space', 'play and pause (timeline, tables, memory)'],
  ['i', 'into the first field of the view'],
  ['g', 'go to an event by its number'],
  ['/', 'find an address, a frame, an event, a query'],
  ['Enter', 'why: the story of the event'],
  ['r  b  s', 'next run; next run beside it; swap the two'],
  ['D', 'light or dark'],
  ['Esc', 'close, leave a field, stop playing'],
  ['?', 'this'],
];

export function openHelp(app) {
  const dialog = h('dialog.help', { 'aria-label': 'Keys', onclose: () => dialog.remove() },
    h('h2', { tabindex: -1, autofocus: true }, 'Keys'),
    list(everywhere),
    Object.values(app.views).filter(view => view.help?.length).map(view => [h('h3', view.title), list(view.help)]),
    h('p.dim', 'Everything shown is in the address: copy it to share what you see. With .json behind its path, any address answers as JSON.'),
    h('form', { method: 'dialog' }, h('button.primary', 'Close')));
  document.body.append(dialog);
  dialog.showModal();
}

const list = keys => h('dl.keys', keys.map(([key, meaning]) => [h('dt', key.split(/\s+/).map(name => h('kbd', name))), h('dd', meaning)]));

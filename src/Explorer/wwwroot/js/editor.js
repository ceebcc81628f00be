// The SQL box: CodeMirror, with what the schema has to complete.
import { EditorState, EditorView, keymap, placeholder, drawSelection, highlightSpecialChars, defaultKeymap, history, historyKeymap, bracketMatching, syntaxHighlighting, HighlightStyle, autocompletion, completionKeymap, closeBrackets, closeBracketsKeymap, sql, SQLite, tags } from '/vendor/codemirror.js';

const complete = completionKeymap.find(binding => binding.key === 'Enter').run;

/** Tab takes the completion that is shown; one that has only just appeared holds it back, as it holds back Enter, but does not let it leave the box. */
const take = view => complete(view) || view.dom.querySelector('.cm-tooltip-autocomplete') !== null;

/** A browser that types over a selection keeps how it looked in a style attribute, which these pages do not allow: the text goes to the editor instead. */
const replaceSelected = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { from, to, empty } = view.state.selection.main;
    if (event.inputType !== 'insertText' || !event.data || empty || view.composing) return false;
    const insert = () => view.state.update(view.state.replaceSelection(event.data), { userEvent: 'input.type', scrollIntoView: true });
    if (!view.state.facet(EditorView.inputHandler).some(handler => handler(view, from, to, event.data, insert))) view.dispatch(insert());
    event.preventDefault();
    return true;
  },
});

const style = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--c5)', fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--c3)' },
  { tag: tags.number, color: 'var(--b)' },
  { tag: tags.comment, color: 'var(--dim)', fontStyle: 'italic' },
  { tag: [tags.standard(tags.name), tags.function(tags.name)], color: 'var(--c4)' },
]);

const theme = EditorView.theme({
  '&': { backgroundColor: 'var(--panel)', color: 'var(--text)', border: '1px solid var(--line)', borderRadius: '6px', fontSize: '13px' },
  '&.cm-focused': { outline: '2px solid var(--focus)', outlineOffset: '-1px' },
  '.cm-content': { fontFamily: 'var(--mono)', caretColor: 'var(--text)', minHeight: '5.5em' },
  '.cm-cursor': { borderLeftColor: 'var(--text)' },
  '.cm-scroller': { maxHeight: '16em', overflow: 'auto' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'var(--select) !important' },
  '.cm-tooltip': { backgroundColor: 'var(--panel)', color: 'var(--text)', border: '1px solid var(--line)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent)', color: '#fff' },
  '.cm-completionDetail': { color: 'var(--dim)', fontStyle: 'normal', marginLeft: '1em' },
});

/** Columns of the views that the text names, and of all while it names none. Behind a dot the schema knows which. */
const columnsOf = views => context => {
  const word = context.matchBefore(/\w+/);
  if (!word && !context.explicit || word && context.state.sliceDoc(Math.max(0, word.from - 1), word.from) === '.') return null;
  const words = new Set(context.state.doc.toString().split(/\W+/));
  const named = views.filter(view => words.has(view.name));
  const columns = new Map((named.length ? named : views).flatMap(view => view.columns.map(column => [column.name, { label: column.name, detail: column.type, info: column.description, type: 'property', boost: 20 }])));
  return { from: word?.from ?? context.pos, options: [...columns.values()], validFor: /^\w*$/ };
};

/** views: what /runs.json says of the schema. Returns { text(), set(text), focus() }. */
export function editor(parent, { views, nonce, text, onRun, onStop }) {
  const schema = Object.fromEntries(views.map(view => [view.name, {
    self: { label: view.name, detail: view.description, type: 'type' },
    children: view.columns.map(column => ({ label: column.name, detail: column.type, info: column.description, type: 'property' })),
  }]));
  // The same source every time: it is by that that the editor knows whose answers it has.
  const columns = [{ autocomplete: columnsOf(views) }];
  const box = new EditorView({
    parent,
    state: EditorState.create({
      doc: text,
      extensions: [
        EditorView.cspNonce.of(nonce),
        keymap.of([{ key: 'Escape', run: onStop }, { key: 'Mod-Enter', run: () => (onRun(), true) }, { key: 'Tab', run: take }, ...closeBracketsKeymap, ...completionKeymap.filter(binding => binding.key !== 'Enter'), { key: 'Escape', run: view => (view.contentDOM.blur(), true) }, ...historyKeymap, ...defaultKeymap]),
        history(), replaceSelected, drawSelection(), highlightSpecialChars(), bracketMatching(), closeBrackets(), autocompletion({ icons: false }),
        EditorState.languageData.of(() => columns),
        sql({ dialect: SQLite, schema, upperCaseKeywords: false }),
        syntaxHighlighting(style), theme, EditorView.lineWrapping,
        placeholder('select … (Ctrl-Enter runs it)'),
        EditorView.contentAttributes.of({ 'aria-label': 'SQL' }),
      ],
    }),
  });
  return {
    text: () => box.state.doc.toString(),
    set: next => box.dispatch({ changes: { from: 0, to: box.state.doc.length, insert: next } }),
    focus: () => box.focus(),
    destroy: () => box.destroy(),
  };
}

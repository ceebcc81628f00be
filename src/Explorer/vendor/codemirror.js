// What the SQL box needs of CodeMirror 6, as one module.
export { EditorState, Compartment } from '@codemirror/state';
export { EditorView, keymap, placeholder, drawSelection, highlightSpecialChars } from '@codemirror/view';
export { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
export { bracketMatching, syntaxHighlighting, HighlightStyle } from '@codemirror/language';
export { autocompletion, completionKeymap, closeBrackets, closeBracketsKeymap, startCompletion } from '@codemirror/autocomplete';
export { sql, SQLite } from '@codemirror/lang-sql';
export { tags } from '@lezer/highlight';

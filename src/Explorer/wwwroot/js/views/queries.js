// Canned queries as forms, SQL in a box, results as a table or a plot.
import { h, replace } from '../dom.js';
import { get, latest, address } from '../api.js';
import { number, plural } from '../format.js';
import { editor } from '../editor.js';
import { scatter } from '../plot.js';
import { empty, gfnLink, eventLink } from './parts.js';

const drawnRows = 500;

export const queries = {
  title: 'Queries',
  about: 'canned questions, and SQL',
  help: [['Ctrl Enter', 'run the SQL'], ['Tab', 'in the SQL box: take the completion that is shown'], ['i', 'into the fields or the SQL box; Esc leaves them'], ['Esc', 'stop a query that runs'], ['p', 'table or plot']],
  mount(element, app) {
    const list = h('nav.canned', { 'aria-label': 'Canned queries' });
    const form = h('div.queryform');
    const results = h('div.results', { 'aria-live': 'polite' });
    element.append(list, h('div.work', form, results));
    const fetchAnswer = latest();
    let known = null;
    let box = null;
    let shown = '';
    let isRunning = false;
    let answer = null;
    let chart = null;

    async function update() {
      known ??= (await get('queries')).queries;
      drawList();
      const name = app.parameters.q;
      const query = known.find(candidate => candidate.name === name);
      if (name && !query) app.notice(`There is no query ${name}. The list at the side has all.`, 'warning');
      const isNew = drawForm(query);
      const isReady = app.parameters.sql || (query && query.parameters.every(parameter => parameter.default !== undefined || app.parameters[`p.${parameter.name}`] || parameter.type === 'run' || filled(parameter) !== ''));
      if (!isReady) {
        shown = '';
        answer = null;
        if (isNew && query) enter();
        return replace(results, query ? empty('Fill in what is marked, and press Enter.') : intro());
      }
      const key = JSON.stringify(asked());
      if (key === shown) return drawAnswer();
      replace(results, h('p.dim.running', 'Running … ', h('button', { onclick: stop }, 'Stop ', h('kbd', 'Esc'))));
      isRunning = true;
      try {
        answer = await fetchAnswer('query', asked());
        shown = key;
        drawAnswer();
      } catch (error) {
        if (error.name === 'AbortError') return;
        shown = '';
        replace(results, h('p.problem', error.message));
      } finally {
        isRunning = false;
      }
    }

    /** The explorer stops a query that nobody waits for. */
    function stop() {
      fetchAnswer.stop();
      shown = '';
      answer = null;
      replace(results, empty('Stopped.'));
    }

    /** What the address asks for; parameters that a query has and nobody gave come from the cursor. */
    function asked() {
      const parameters = { run: app.parameters.run };
      if (app.parameters.sql) return { ...parameters, sql: app.parameters.sql };
      const query = known.find(candidate => candidate.name === app.parameters.q);
      parameters.q = query.name;
      for (const parameter of query.parameters) {
        const given = app.parameters[`p.${parameter.name}`] ?? filled(parameter);
        if (given !== '') parameters[`p.${parameter.name}`] = given;
      }
      return parameters;
    }

    const filled = parameter => ({ run: app.run().name, a: app.run().name, b: (app.other ?? app.runs.find(run => run.key !== app.run().key))?.name ?? '', ordinal: app.at ?? '' })[parameter.name] ?? '';

    function drawList() {
      const search = list.querySelector('input')?.value ?? '';
      replace(list,
        h('input', { type: 'search', placeholder: 'canned queries', value: search, 'aria-label': 'Search canned queries', oninput: event => narrow(event.target.value) }),
        h('ul', known.map(query => h('li', h('a', { href: address('queries', { run: app.parameters.run, vs: app.parameters.vs, at: app.parameters.at, q: query.name }), 'aria-current': query.name === app.parameters.q ? 'true' : null, title: query.description }, query.title, h('span.dim', ` @${query.name}`))))),
        h('details', h('summary', 'Views'), h('ul.schema', app.info.views.map(view => h('li', h('details', h('summary', { title: view.description }, view.name), h('ul', view.columns.map(column => h('li', { title: column.description }, h('span.mono', column.name), h('span.dim', ` ${column.type}`))))))))));
      narrow(search);
    }

    function narrow(text) {
      const word = text.toLowerCase();
      for (const item of list.querySelectorAll(':scope > ul > li')) item.hidden = !item.textContent.toLowerCase().includes(word);
    }

    /** Into what is to be filled in: the first field that is needed, or the first of all, or the SQL box. */
    const enter = () => box ? box.focus() : (form.querySelector('label:has(.needed) input') ?? form.querySelector('.fields input, .fields button'))?.focus();

    /** True: it is another form than before. */
    function drawForm(query) {
      const sqlText = app.parameters.sql ?? '';
      if (form.dataset.of === (query?.name ?? 'sql') && (query || box?.text() === sqlText || !app.parameters.sql)) return false;
      form.dataset.of = query?.name ?? 'sql';
      box?.destroy();
      box = null;
      if (query) {
        replace(form, h('h1', query.title), h('p.dim', query.description),
          h('form.fields', { onsubmit: event => { event.preventDefault(); submit(query, event.target); } },
            query.parameters.map(parameter => h('label', { title: parameter.description }, h('span', parameter.name, parameter.default === undefined && filled(parameter) === '' ? h('b.needed', ' *') : ''),
              h('input', { name: parameter.name, value: app.parameters[`p.${parameter.name}`] ?? '', placeholder: String(filled(parameter) || (parameter.default === undefined ? '0x… or a number' : parameter.default.length > 16 ? 'as usual' : parameter.default)), spellcheck: 'false' }))),
            h('button.primary', { type: 'submit' }, 'Run'),
            h('button', { type: 'button', onclick: () => app.go('queries', { ...cleared(), q: null, sql: query.sql.split('\n').filter(line => !line.startsWith('--')).join('\n').trim() }) }, 'Edit as SQL')));
        return true;
      }
      const place = h('div.editor');
      replace(form, h('h1', 'SQL'), place, h('p', h('button.primary', { onclick: run }, 'Run ', h('kbd', 'Ctrl ⏎')), h('span.dim', ` Read-only, at most ${number(app.info.limits.rows)} rows and ${number(app.info.limits.seconds)} s.`)));
      box = editor(place, { views: app.info.views, nonce: app.nonce, text: sqlText, onRun: run, onStop: () => isRunning && (stop(), true) });
      return true;
    }

    const cleared = () => Object.fromEntries(Object.keys(app.parameters).filter(name => name.startsWith('p.')).map(name => [name, null]));

    function submit(query, fields) {
      const patch = {};
      // What is pressed next is meant for the answer.
      document.activeElement?.blur();
      for (const parameter of query.parameters) patch[`p.${parameter.name}`] = fields.elements[parameter.name].value.trim() || null;
      shown = '';
      const before = location.search;
      app.patch(patch);
      if (location.search === before) app.show();
    }

    function run() {
      const text = box.text().trim();
      if (!text) return;
      shown = '';
      const before = location.search;
      app.patch({ ...cleared(), sql: text, q: null });
      if (location.search === before) app.show();
    }

    function intro() {
      const examples = [
        ['Which functions wrote which level', 'writes-by-level'], ['Pages that faulted again and again', 'refault-storms'], ['Instructions that fault most', 'faults-by-rip'], ['Two runs side by side', 'diff-summary'],
      ];
      return h('div.intro', h('p', 'Choose a question at the side, or write SQL over the documented views.'), h('ul', examples.map(([text, name]) => h('li', h('a', { href: app.href('queries', { q: name }) }, text)))));
    }

    function drawAnswer() {
      chart?.destroy();
      chart = null;
      if (!answer) return;
      replace(results, answer.hints.map(hint => h('p.cut', hint)), answer.results.map(result => drawResult(result)));
      if (!answer.results.length) replace(results, empty('The SQL has no result.'));
    }

    function drawResult(result) {
      const files = ['csv', 'jsonl', 'parquet'].map(kind => h('a.button', { href: address(`query.${kind}`, asked()), download: true }, kind.toUpperCase()));
      const isPlot = app.parameters.plot !== undefined;
      const note = { rows: `The first ${number(result.rows.length)} rows; there are more. A download has them all.`, time: `Stopped after ${number(app.info.limits.seconds)} s: there may be more rows.` }[result.end];
      const body = h('div.resultbody');
      const section = h('section',
        h('header.resulthead', h('b', plural(result.rows.length, 'row')), h('span.dim', ` in ${number(answer.milliseconds)} ms`), note && h('b.cut', ` ${note}`),
          h('span.tools', h('button', { onclick: () => togglePlot(), 'aria-pressed': String(isPlot), title: 'Table or plot (p)' }, 'plot'), files)),
        body);
      if (!result.rows.length) body.append(empty('No row. ', result.columns.length ? 'The question was understood; nothing matches it.' : ''));
      else if (isPlot) queueMicrotask(() => plot(body, result));
      else body.append(table(result));
      return section;
    }

    const togglePlot = () => app.patch({ plot: app.parameters.plot === undefined ? '1' : null, x: null, y: null }, { replaces: true });

    function table({ columns, rows }) {
      const isNumber = columns.map((_, i) => rows.every(row => row[i] === null || typeof row[i] === 'number'));
      const more = h('p');
      const body = h('tbody');
      const fill = (from, to) => body.append(...rows.slice(from, to).map(row => h('tr', row.map((cell, i) => h('td', { class: isNumber[i] ? 'num' : /_hex$|^0x/.test(columns[i]) || /^0x/.test(cell ?? '') ? 'mono' : '' }, linked(columns[i], cell))))));
      fill(0, drawnRows);
      if (rows.length > drawnRows) more.append(h('button', { onclick: () => { fill(drawnRows, rows.length); more.remove(); } }, `Show all ${number(rows.length)} rows`));
      return h('div.scroll', { tabindex: 0, 'aria-label': 'Result' }, h('table', h('thead', h('tr', columns.map((column, i) => h('th', { class: isNumber[i] ? 'num' : '', title: described(column) }, column)))), body), more);
    }

    const described = name => app.info.views.flatMap(view => view.columns).find(column => column.name === name)?.description ?? '';

    /** Ordinals lead to stories, frames to their history. */
    function linked(column, cell) {
      if (cell === null) return h('span.dim', '·');
      if (/(^|_)ordinal$/.test(column) && typeof cell === 'number' && cell >= 0) return eventLink(app, cell);
      if (/(^|_)gfn_hex$/.test(column)) return gfnLink(app, cell);
      if (/^gpa_hex$/.test(column)) return h('a.mono', { href: app.href('tables', { gpa: cell }) }, cell);
      if (typeof cell === 'number') return number(cell);
      return cell;
    }

    /** What a row is called: by its words, but for the run where all have the same. */
    function labelled(columns, rows) {
      const words = columns.map((_, i) => i).filter(i => rows.some(row => typeof row[i] === 'string' && !/^0x/.test(row[i])) && new Set(rows.map(row => row[i])).size > 1);
      return rows.map((row, k) => words.slice(0, 2).map(i => row[i]).filter(Boolean).join(' ') || String(k + 1));
    }

    function plot(body, { columns, rows }) {
      const numeric = columns.filter((_, i) => rows.some(row => typeof row[i] === 'number'));
      if (numeric.length < 1) return body.append(empty('A plot needs a column of numbers.'));
      const at = name => columns.indexOf(name);
      // Across goes a place in the run or a number of something; upwards what is counted. Rows of a list of words stand in their order.
      const isPlace = name => /(^|_)ordinal$|^(run|idx|level|seq|vcpu|gfn|gpa|gva|rip)$|_id$/.test(name);
      const places = numeric.filter(isPlace);
      const hasWords = columns.some((_, i) => rows.some(row => typeof row[i] === 'string'));
      const rank = '(row)';
      const x = app.parameters.x ?? (places.length && (columns[0] === places[0] || !hasWords) ? places[0] : rank);
      const counted = numeric.filter(name => name !== x && !isPlace(name));
      const names = (app.parameters.y ?? (counted.length ? counted : numeric.filter(name => name !== x)).slice(0, counted.length ? 4 : 1).join(',')).split(',').filter(name => numeric.includes(name));
      const pick = (label, value, on) => h('label.pick', h('span', label), h('select', { onchange: event => on(event.target.value) }, [rank, ...numeric].map(name => h('option', { value: name, selected: name === value }, name))));
      body.append(h('p.plotpick', pick('across', x, value => app.patch({ x: value }, { replaces: true })), numeric.filter(name => name !== x).map(name => h('label.tick', h('input', { type: 'checkbox', ...names.includes(name) ? { checked: true } : {}, onchange: event => app.patch({ x, y: (event.target.checked ? [...names, name] : names.filter(other => other !== name)).join(',') }, { replaces: true }) }), name))));
      chart = scatter(body, rows.map((row, i) => x === rank ? i + 1 : row[at(x)] ?? 0), names.map(name => ({ label: name, values: rows.map(row => row[at(name)]) })), { x, labels: x === rank ? labelled(columns, rows) : null, width: Math.max(280, body.clientWidth - 10), height: 320 });
      if (!names.length) body.append(empty('Choose what is to be plotted.'));
    }

    return {
      update,
      keys(event) {
        if (event.key === 'Escape' && isRunning) return stop(), true;
        if (event.key === 'i') return enter(), true;
        if (event.key === 'p' && answer) return togglePlot(), true;
        return false;
      },
      dispose() {
        box?.destroy();
        chart?.destroy();
      },
    };
  },
};

// The table of what runs in docs/sweep.md: is it the one that was just measured? With --write it becomes that.
// node table.mjs TABLE DOCUMENT [--write]: TABLE is what test.mjs prints.
import fs from 'node:fs';

const [, , measured, document, write] = process.argv;
const [begin, end] = ['<!-- tests/clickhouse/test --write -->', '<!-- end -->'];
const lines = fs.readFileSync(measured, 'utf8').split('\n').slice(2).filter(Boolean).map((line) => line.slice(2).split(' | '));
const kinds = new Map();
for (const [name, answer] of lines) kinds.set(answer, [...(kinds.get(answer) ?? []), name]);
// Names that ClickHouse makes up differ from run to run.
const table = ['| answer | views and queries |', '| --- | --- |', ...[...kinds].map(([answer, names]) => `| ${answer.replace(/__table\d+\./g, '').replaceAll('\\', '')} | ${names.join(', ')} |`)].join('\n');
const text = fs.readFileSync(document, 'utf8');
const [from, to] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
if (from < begin.length || to < from) throw new Error(`${document}: has no place for the table`);
if (write === '--write') fs.writeFileSync(document, `${text.slice(0, from)}\n\n${table}\n\n${text.slice(to)}`);
else if (text.slice(from, to).trim() !== table) {
  console.error(`tests/clickhouse: ${document} has another table; tests/clickhouse/test --write puts this there:\n${table}`);
  process.exit(1);
}

#!/usr/bin/env bash
# Makes ../wwwroot/vendor anew from npm: the versions of package-lock.json, their licences, nothing else. Needs node and npm.
# Users need none of this: what it makes is in the repository.
set -euo pipefail
cd "$(dirname "$0")"
out=../wwwroot/vendor
npm ci --no-audit --no-fund --silent
rm -rf "$out"
mkdir -p "$out"

node_modules/.bin/esbuild codemirror.js --bundle --minify --format=esm --legal-comments=none --log-level=warning --outfile="$out/codemirror.js"
node_modules/.bin/esbuild node_modules/uplot/dist/uPlot.esm.js --minify --format=esm --legal-comments=none --log-level=warning --outfile="$out/uplot.js"
cp node_modules/uplot/dist/uPlot.min.css "$out/uplot.css"

# Every package that came along, with its version and licence text: the list is read from the lock file, not written by hand.
node - "$out/NOTICES.txt" <<'JS'
const fs = require('fs');
const lock = JSON.parse(fs.readFileSync('package-lock.json', 'utf8'));
let text = 'Third-party parts of the explorer\'s pages, fetched from npm by src/Explorer/vendor/fetch.sh.\n';
for (const [path, entry] of Object.entries(lock.packages)) {
  if (path === '' || entry.dev) continue;
  const file = fs.readdirSync(path).find(name => /^licen[cs]e/i.test(name));
  text += `\n${'='.repeat(80)}\n${path.replace('node_modules/', '')} ${entry.version} (${entry.license})\nhttps://www.npmjs.com/package/${path.replace('node_modules/', '')}/v/${entry.version}\n${'='.repeat(80)}\n`;
  text += fs.readFileSync(`${path}/${file}`, 'utf8').trim() + '\n';
}
fs.writeFileSync(process.argv[2], text);
JS
rm -rf node_modules

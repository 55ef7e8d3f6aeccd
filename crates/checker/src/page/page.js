'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const get = (id) => document.getElementById(id);
const functions = ['read', 'write', 'cas', 'cas missed', 'append', 'add', 'delete', 'txn', 'acquire', 'release'];
const outcomes = ['ok', 'failed', 'unknown'];
const count = data.process.length;
const start = new Float64Array(count), end = new Float64Array(count);
let clock = 0, last = 1;
for (let i = 0; i < count; i++) {
  clock += data.invoked[i];
  start[i] = clock;
  end[i] = data.lasted[i] ? clock + data.lasted[i] - 1 : Infinity;
  last = Math.max(last, clock, end[i] === Infinity ? 0 : end[i]);
}
for (const note of data.notes) last = Math.max(last, note[0]);
const first = count ? start[0] : 0;
const guilty = new Set(data.guilty || []), ties = new Set(data.ties || []);
// The longest operation that ended: how far left of a window an operation may begin and reach into it.
let longest = 0;
for (let i = 0; i < count; i++) if (end[i] !== Infinity) longest = Math.max(longest, end[i] - start[i]);
const pending = [];
for (let i = 0; i < count; i++) if (end[i] === Infinity) pending.push(i);

let from = first, to = last, at = -1, matches = [], key = -1;

function lowerBound(time) {
  let low = 0, high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (start[middle] < time) low = middle + 1; else high = middle;
  }
  return low;
}

function text(i) {
  const seen = data.seen[i] ? data.texts[data.seen[i] - 1] : '';
  const stored = data.stored[i] ? data.texts[data.stored[i] - 1] : '';
  const values = seen && stored ? seen + ' → ' + stored : seen || stored;
  return functions[data.function[i]] + (values ? ' ' + values : '');
}

function line(i) {
  const until = end[i] === Infinity ? '…' : seconds(end[i]);
  return `#${i}  process ${data.processes[data.process[i]]}  ${data.keys[data.key[i]]}  ${text(i)}  ` +
    `${outcomes[data.outcome[i]]}  ${seconds(start[i])} – ${until}`;
}

const seconds = (us) => (us / 1e6).toFixed(6) + ' s';
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();

function sized(id, height) {
  const element = get(id), scale = window.devicePixelRatio || 1;
  const width = element.clientWidth || 800;
  element.width = Math.round(width * scale);
  element.height = Math.round(height * scale);
  element.style.height = height + 'px';
  const pen = element.getContext('2d');
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = '11px system-ui, sans-serif';
  return { pen, width, height };
}

function faults() {
  const open = new Map(), bands = [];
  for (const [time, kind, name] of data.notes) {
    if (kind === 0) open.set(name, time);
    if (kind === 1 && open.has(name)) { bands.push([open.get(name), time, name]); open.delete(name); }
  }
  for (const [name, time] of open) bands.push([time, last, name]);
  return bands;
}

function drawBands(pen, x, height, named) {
  for (const [begin, finish, name] of faults()) {
    pen.fillStyle = color('fault');
    pen.fillRect(x(begin), 0, Math.max(1, x(finish) - x(begin)), height);
    if (named) { pen.fillStyle = color('dim'); pen.fillText(name, Math.max(2, x(begin) + 2), height - 4); }
  }
  const leaders = data.notes.filter((note) => note[1] === 2);
  leaders.forEach((note, i) => {
    const until = i + 1 < leaders.length ? leaders[i + 1][0] : last;
    pen.fillStyle = `hsl(${(i * 137) % 360} 45% 55%)`;
    pen.fillRect(x(note[0]), 0, Math.max(1, x(until) - x(note[0])), 5);
    if (named) { pen.fillStyle = color('dim'); pen.fillText(note[2], Math.max(2, x(note[0]) + 2), 16); }
  });
}

function drawOverview() {
  const { pen, width, height } = sized('overview', 96);
  const x = (time) => (time - first) / (last - first || 1) * width;
  drawBands(pen, x, height, false);
  const bins = Math.max(1, Math.floor(width / 3)), rate = new Float64Array(bins), slow = new Float64Array(bins);
  for (let i = 0; i < count; i++) {
    const bin = Math.min(bins - 1, Math.floor((start[i] - first) / (last - first || 1) * bins));
    rate[bin]++;
    if (end[i] !== Infinity) slow[bin] = Math.max(slow[bin], end[i] - start[i]);
  }
  const most = Math.max(1, ...rate), slowest = Math.max(1, ...slow);
  pen.fillStyle = color('read');
  for (let b = 0; b < bins; b++) {
    const tall = rate[b] / most * 40;
    pen.fillRect(b / bins * width, 46 - tall, width / bins, tall);
  }
  pen.fillStyle = color('write');
  for (let b = 0; b < bins; b++) {
    const tall = slow[b] / slowest * 40;
    pen.fillRect(b / bins * width, 92 - tall, width / bins, tall);
  }
  pen.fillStyle = color('dim');
  pen.fillText(`operations asked, at most ${most} a column`, 6, 14);
  pen.fillText(`longest answer, at most ${(slowest / 1000).toFixed(3)} ms`, 6, 60);
  for (const i of guilty) { pen.fillStyle = color('bad'); pen.fillRect(x(start[i]) - 1, 0, 3, height); }
  pen.strokeStyle = color('fg');
  pen.strokeRect(x(from) + .5, .5, Math.max(2, x(to) - x(from)) - 1, height - 1);
}

function visible() {
  const found = [];
  for (const i of pending) if (start[i] <= to && start[i] < from - longest && (key < 0 || data.key[i] === key)) found.push(i);
  for (let i = lowerBound(from - longest); i < count && start[i] <= to; i++) {
    if (end[i] >= from && (key < 0 || data.key[i] === key)) found.push(i);
  }
  return found;
}

function writeSeenBy(i) {
  if (!data.seen[i]) return -1;
  let best = -1;
  for (let j = 0; j < count; j++) {
    if (data.key[j] !== data.key[i] || data.stored[j] !== data.seen[i] || data.function[j] === 3) continue;
    if (start[j] <= end[i]) best = j; else break;
  }
  return best;
}

let boxes = [];
function drawWindow() {
  const shown = visible();
  const crowd = shown.length > 20000;
  const rowOf = new Map();
  let used = 0;
  for (const i of shown) {
    if (rowOf.has(data.process[i])) continue;
    rowOf.set(data.process[i], used++);
  }
  const tall = Math.max(8, Math.min(22, 520 / Math.max(1, used)));
  const { pen, width, height } = sized('window', Math.max(120, Math.min(1200, used * tall + 40)));
  const left = 70, x = (time) => left + (time - from) / (to - from || 1) * (width - left);
  drawBands(pen, x, height, true);
  boxes = [];
  pen.save();
  pen.beginPath(); pen.rect(left, 0, width - left, height); pen.clip();
  for (const i of shown) {
    const y = 20 + rowOf.get(data.process[i]) * tall;
    const begin = Math.max(x(start[i]), left - 5), finish = end[i] === Infinity ? width : Math.min(x(end[i]), width + 5);
    const wide = Math.max(2, finish - begin);
    const reads = data.function[i] === 0 || data.function[i] === 3;
    const base = guilty.has(i) ? color('bad') : reads ? color('read') : color('write');
    pen.globalAlpha = guilty.size && !guilty.has(i) && !ties.has(i) ? .45 : 1;
    if (data.outcome[i] === 1) pen.globalAlpha = .15;
    if (end[i] === Infinity && !crowd) {
      const fade = pen.createLinearGradient(begin, 0, Math.min(width, begin + 160), 0);
      fade.addColorStop(0, base); fade.addColorStop(1, 'transparent');
      pen.fillStyle = fade;
    } else pen.fillStyle = base;
    pen.fillRect(begin, y, end[i] === Infinity ? Math.min(160, wide) : wide, tall - 3);
    if (data.rank[i] && !crowd) {
      pen.globalAlpha = 1; pen.fillStyle = color('fg');
      pen.fillRect(x(Math.min(tick(i), end[i])), y - 1, 1.5, tall - 1);
    }
    pen.globalAlpha = 1;
    if (wide > 34 && tall > 10) {
      pen.fillStyle = color('fg');
      pen.save(); pen.beginPath(); pen.rect(begin, y, wide, tall); pen.clip();
      pen.fillText(text(i), begin + 3, y + tall - 7); pen.restore();
    }
    if (i === at) { pen.strokeStyle = color('fg'); pen.strokeRect(begin - 1.5, y - 1.5, wide + 3, tall); }
    boxes.push([begin, y, wide, tall, i]);
  }
  for (const i of guilty) {
    const j = writeSeenBy(i);
    if (j < 0 || !rowOf.has(data.process[i]) || !rowOf.has(data.process[j])) continue;
    pen.strokeStyle = color('bad'); pen.setLineDash([4, 3]); pen.beginPath();
    pen.moveTo(Math.max(left, x(start[j])), 20 + rowOf.get(data.process[j]) * tall + tall / 2);
    pen.lineTo(x(start[i]), 20 + rowOf.get(data.process[i]) * tall + tall / 2);
    pen.stroke(); pen.setLineDash([]);
  }
  pen.restore();
  pen.fillStyle = color('dim');
  for (const [process, row] of rowOf) if (tall > 9) pen.fillText(String(data.processes[process]), 4, 20 + row * tall + tall - 8);
  get('where').textContent = `${seconds(from)} – ${seconds(to)}, ${shown.length} operations, ${used} clients`;
  drawList(shown);
}

// In an order that explains everything each operation has a moment within its own span.
let ticks = null;
function tick(i) {
  if (!ticks) {
    ticks = new Float64Array(count);
    const byKey = new Map();
    for (let j = 0; j < count; j++) if (data.rank[j]) {
      if (!byKey.has(data.key[j])) byKey.set(data.key[j], []);
      byKey.get(data.key[j]).push(j);
    }
    for (const order of byKey.values()) {
      order.sort((a, b) => data.rank[a] - data.rank[b]);
      let now = 0;
      for (const j of order) { now = Math.max(now, start[j]); ticks[j] = now; }
    }
  }
  return ticks[i];
}

function drawList(shown) {
  const list = get('list');
  const picked = matches.length ? matches.slice(0, 400) : shown.slice(0, 400);
  list.textContent = '';
  for (const i of picked) {
    const row = document.createElement('div');
    row.textContent = line(i);
    if (guilty.has(i)) row.className = 'guilty';
    if (i === at) row.className += ' at';
    row.onclick = () => select(i, true);
    list.append(row);
  }
}

// Values that may be there at a moment: stored by then, and not certainly replaced since.
function possible(time, k) {
  const writes = [];
  for (let j = 0; j < count && start[j] <= time; j++) {
    const stores = data.function[j] === 1 || data.function[j] === 2;
    if (data.key[j] === k && stores && data.outcome[j] !== 1) writes.push(j);
  }
  let replaced = -1;
  for (const j of writes) if (end[j] <= time && data.outcome[j] === 0) replaced = Math.max(replaced, start[j]);
  const values = new Set();
  if (replaced < 0) values.add('initial');
  for (const j of writes) if (end[j] >= replaced) values.add(data.texts[data.stored[j] - 1]);
  return [...values];
}

function select(i, moves) {
  at = i;
  if (i >= 0) {
    if (moves && (start[i] < from || start[i] > to)) {
      const wide = to - from;
      from = Math.max(first, start[i] - wide / 2); to = from + wide;
    }
    const time = end[i] === Infinity ? start[i] : end[i];
    const values = possible(time, data.key[i]), shownValues = values.slice(0, 24).join(', ');
    get('state').textContent = `${data.keys[data.key[i]]} may hold {${shownValues}${values.length > 24 ? ', …' : ''}}` +
      ` at ${seconds(time)}   ·   ${line(i)}`;
  }
  draw();
}

function step(by) {
  const shown = (matches.length ? matches : visible()).slice().sort((a, b) => Math.min(end[a], last) - Math.min(end[b], last));
  if (!shown.length) return;
  const place = shown.indexOf(at);
  select(shown[place < 0 ? 0 : Math.max(0, Math.min(shown.length - 1, place + by))], true);
}

function zoom(factor, around) {
  const center = around === undefined ? (from + to) / 2 : around;
  const wide = Math.max(20, Math.min(last - first || 1, (to - from) * factor));
  const share = (center - from) / (to - from || 1);
  from = Math.max(first, center - wide * share); to = Math.min(last, from + wide);
  if (to - from < wide) from = Math.max(first, to - wide);
  draw();
}

function move(by) {
  const wide = to - from;
  from = Math.min(Math.max(first, from + wide * by), Math.max(first, last - wide)); to = from + wide;
  draw();
}

function showGuilty() {
  const picked = guilty.size ? [...guilty] : count ? [0] : [];
  if (!picked.length) return;
  // Guilty operations can lie far apart: the window opens on the last of them.
  const begins = picked.map((i) => start[i]), final = Math.max(...begins);
  const span = final - Math.min(...begins), wide = Math.max(5000, Math.min(span * 1.4, 60000));
  from = Math.max(first, final - wide * .8); to = Math.min(Math.max(last, from + 1), from + wide);
  if (guilty.size) { key = data.key[picked[0]]; get('key').value = String(key); }
  select(picked.reduce((a, b) => (start[a] > start[b] ? a : b)), false);
}

function search(words) {
  const wanted = words.trim().toLowerCase();
  matches = [];
  if (wanted) for (let i = 0; i < count && matches.length < 5000; i++) if (line(i).toLowerCase().includes(wanted)) matches.push(i);
  if (matches.length) select(matches[0], true); else draw();
}

let asked = false;
function draw() {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => { asked = false; drawOverview(); drawWindow(); });
}

document.title = `${data.verdict}: ${data.title}`;
const head = get('verdict'), mark = document.createElement('span');
mark.className = data.verdict;
mark.textContent = { ok: 'linearizable', bad: 'not linearizable', unknown: 'unknown' }[data.verdict];
head.append(mark, ` · ${data.title}`);
get('sentence').textContent = data.sentence;
get('proof').textContent = `${data.operations} operations, ${data.model}, decided by tier ${data.tier}. ${data.proof || ''}`;
for (const warning of data.warnings) {
  const row = document.createElement('p');
  row.className = 'warning'; row.textContent = warning;
  get('warnings').append(row);
}
get('key').append(new Option('all keys', '-1'), ...data.keys.map((name, i) => new Option(name, String(i))));
get('key').onchange = (event) => { key = Number(event.target.value); draw(); };
get('guilty').onclick = showGuilty;
get('all').onclick = () => { from = first; to = last; draw(); };
get('in').onclick = () => zoom(.5); get('out').onclick = () => zoom(2);
get('forth').onclick = () => step(1); get('back').onclick = () => step(-1);
get('theme').onclick = () => {
  const root = document.documentElement, dark = matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = (root.dataset.theme || (dark ? 'dark' : 'light')) === 'dark' ? 'light' : 'dark';
  draw();
};
get('search').oninput = (event) => search(event.target.value);
let dragged = null;
const timeAt = (event) => first + event.offsetX / get('overview').clientWidth * (last - first);
get('overview').onmousedown = (event) => { dragged = timeAt(event); };
get('overview').onmouseup = (event) => {
  if (dragged === null) return;
  const other = timeAt(event), wide = to - from;
  if (Math.abs(other - dragged) > (last - first) / 200) { from = Math.min(dragged, other); to = Math.max(dragged, other); }
  else { const narrow = Math.min(wide, (last - first) / 20 || 1); from = Math.max(first, other - narrow / 2); to = from + narrow; }
  dragged = null; draw();
};
get('window').onclick = (event) => {
  const hit = boxes.filter(([x, y, w, h]) => event.offsetX >= x && event.offsetX <= x + w && event.offsetY >= y && event.offsetY <= y + h);
  if (hit.length) select(hit[hit.length - 1][4], false);
};
get('window').addEventListener('wheel', (event) => {
  event.preventDefault();
  const share = (event.offsetX - 70) / (get('window').clientWidth - 70);
  zoom(event.deltaY > 0 ? 1.25 : .8, from + share * (to - from));
}, { passive: false });
document.onkeydown = (event) => {
  if (event.target.tagName === 'INPUT') return;
  const act = { g: showGuilty, 0: get('all').onclick, '+': () => zoom(.5), '-': () => zoom(2), n: () => step(1),
    p: () => step(-1), t: get('theme').onclick, ArrowLeft: () => move(-.25), ArrowRight: () => move(.25),
    '/': () => get('search').focus() }[event.key];
  if (act) { event.preventDefault(); act(); }
};
window.onresize = draw;
showGuilty();

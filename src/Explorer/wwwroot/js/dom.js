// Elements are made here and nowhere else. Text becomes text nodes, so that no name from a capture can become markup.

/** h('button.primary', { onclick, title }, 'Run', child): an element. Falsy children are left out. */
export function h(spec, ...rest) {
  const [tag, ...classes] = spec.split('.');
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(' ');
  const hasAttributes = rest.length && isPlain(rest[0]);
  if (hasAttributes) set(element, rest.shift());
  append(element, rest);
  return element;
}

export function append(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false || child === '') continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

export function replace(element, ...children) {
  element.textContent = '';
  return append(element, children);
}

/** As replace, but children that stay are not taken out: what did not change is not laid out again, and keeps its place and focus. */
export function reconcile(element, ...children) {
  const wanted = children.flat(Infinity).filter(child => child instanceof Node);
  const staying = new Set(wanted);
  for (const child of [...element.childNodes]) if (!staying.has(child)) child.remove();
  let next = element.firstChild;
  for (const child of wanted) {
    if (child === next) next = next.nextSibling;
    else element.insertBefore(child, next);
  }
  return element;
}

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'class') element.classList.add(...String(value).split(' ').filter(Boolean));
    else if (name === 'value') element.value = value;
    else if (name === 'css') for (const [property, amount] of Object.entries(value)) element.style.setProperty(property, amount);
    else element.setAttribute(name, value === true ? '' : value);
  }
}

function isPlain(value) {
  return value !== null && typeof value === 'object' && !(value instanceof Node) && !Array.isArray(value);
}

/** Which theme is shown: told without asking for a style, which would lay out what was drawn so far. */
export const theme = () => document.documentElement.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');

const colours = new Map();

/** A colour of the page's theme. */
export function colour(name) {
  const key = `${theme()} ${name}`;
  if (!colours.has(key)) colours.set(key, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return colours.get(key);
}

/** A canvas drawn at the screen's own resolution. */
export function canvas(width, height, draw, attributes = {}) {
  const ratio = window.devicePixelRatio || 1;
  const element = h('canvas', { width: Math.round(width * ratio), height: Math.round(height * ratio), css: { width: `${width}px`, height: `${height}px` }, ...attributes });
  const context = element.getContext('2d');
  context.scale(ratio, ratio);
  draw(context);
  return element;
}

export const isTyping = target => target.closest?.('input, textarea, select, [contenteditable="true"]') !== null && target.closest?.('input, textarea, select, [contenteditable="true"]') !== undefined;

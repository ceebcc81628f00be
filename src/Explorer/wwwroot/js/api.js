// Every page has a twin: the same address with .json behind its path. That is all this file knows.

export class Problem extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** get('why', { run: 'ept', at: 12 }): the answer as an object. */
export async function get(page, parameters = {}, signal) {
  let response;
  try {
    response = await fetch(address(`${page}.json`, parameters), { signal });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem('The explorer does not answer: it was stopped. Start it again with replay serve.', 0);
  }
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  const body = isJson ? await response.json() : { error: await response.text() };
  if (!response.ok) throw new Problem(body.error, response.status);
  return body;
}

export function address(path, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== '') query.set(name, value);
  }
  const text = query.toString().replaceAll('%3A', ':');
  return `/${path}${text ? `?${text}` : ''}`;
}

/** Of several requests for one place only the last counts. */
export function latest() {
  let controller = null;
  const ask = (page, parameters) => {
    controller?.abort();
    controller = new AbortController();
    return get(page, parameters, controller.signal);
  };
  return Object.assign(ask, { stop: () => controller?.abort() });
}

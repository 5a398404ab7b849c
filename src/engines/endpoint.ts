/** Requests to a server as data; `app/` adds a time-out and sends them. */
export interface EndpointRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** `base` with or without a slash at its end. */
export function get(
  base: string,
  path: string,
  headers: Record<string, string> = {},
): EndpointRequest {
  return { method: 'GET', url: join(base, path), headers };
}

/** `base` as in `get`. */
export function postJson(
  base: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): EndpointRequest {
  return {
    method: 'POST',
    url: join(base, path),
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}

const join = (base: string, path: string): string => base.replace(/\/+$/, '') + path;

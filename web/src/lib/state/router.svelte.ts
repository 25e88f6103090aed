/* Hash routing: the server only ever serves index.html. #/search?q=… → page "search", no id, its parameters. */

export const PAGES = ['live', 'search', 'incidents', 'worklist', 'approvals', 'notifications', 'intake', 'sources', 'rules', 'intel', 'fleet', 'posture', 'instruments', 'trends', 'coverage', 'exceptions', 'reports', 'record', 'risk', 'contacts', 'vendors', 'improvement', 'library', 'hosts', 'system', 'events', 'setup', 'login'] as const;
export type Page = (typeof PAGES)[number];

export interface Route {
  page: Page;
  id: string;
  parameters: URLSearchParams;
}

export function parseHash(hash: string): Route {
  const [pathname = '', query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s, 2);
  const [name = '', id = ''] = pathname.split('/', 2);
  const page = PAGES.find((known) => known === name) ?? 'live';
  let decoded = '';
  try {
    decoded = decodeURIComponent(id);
  } catch {
    /* a broken escape names nothing */
  }
  return { page, id: decoded, parameters: new URLSearchParams(query) };
}

export function href(page: Page, id = '', parameters?: URLSearchParams | Record<string, string>): string {
  const query = new URLSearchParams(parameters).toString();
  return `#/${page}${id === '' ? '' : `/${encodeURIComponent(id)}`}${query === '' ? '' : `?${query}`}`;
}

class Router {
  route = $state.raw<Route>(parseHash(location.hash));

  constructor() {
    window.addEventListener('hashchange', () => (this.route = parseHash(location.hash)));
  }

  go(page: Page, id = '', parameters?: URLSearchParams | Record<string, string>): void {
    location.hash = href(page, id, parameters);
  }

  replace(page: Page, id = '', parameters?: URLSearchParams | Record<string, string>): void {
    history.replaceState(null, '', href(page, id, parameters));
    this.route = parseHash(location.hash);
  }
}

export const router = new Router();

/* The pages of the console, once: where each stands, the key that jumps to it after g, and what one must be allowed to do
 * to open it. The navigation, the short-cuts and their help are made of this. First comes what is needed at night. */
import { m } from '../paraglide/messages.js';
import type { Permission } from './api/types';
import type { Page } from './state/router.svelte';

export interface Place {
  page: Page; /* its icon has the same name */
  word: () => string;
  key: string;
  needs: Permission;
}

export interface Group {
  id: 'now' | 'watch' | 'detection' | 'learning';
  word: () => string;
  places: Place[];
}

const place = (page: Page, word: () => string, key: string, needs: Permission): Place => ({ page, word, key, needs });

export const GROUPS: readonly Group[] = [
  {
    id: 'now',
    word: m.nav_group_now,
    places: [
      place('live', m.nav_live, 'l', 'see_incidents'),
      place('incidents', m.nav_incidents, 'i', 'see_incidents'),
      place('search', m.nav_search, 's', 'search'),
      place('approvals', m.nav_approvals, 'a', 'see_incidents'),
      place('worklist', m.nav_worklist, 'z', 'work_incidents'),
      place('notifications', m.nav_notifications, 'm', 'see_incidents'),
      place('contacts', m.nav_contacts, 'b', 'see_incidents'),
      place('intake', m.nav_intake, 't', 'see_incidents')
    ]
  },
  {
    id: 'watch',
    word: m.nav_group_watch,
    places: [
      place('posture', m.posture, 'p', 'see_status'),
      place('fleet', m.nav_fleet, 'f', 'see_incidents'),
      place('hosts', m.nav_hosts, 'q', 'see_incidents'),
      place('trends', m.nav_trends, 'w', 'see_incidents'),
      place('sources', m.nav_sources, 'o', 'see_sources'),
      place('coverage', m.nav_coverage, 'c', 'see_rules'),
      place('system', m.nav_system, 'y', 'see_status')
    ]
  },
  {
    id: 'detection',
    word: m.nav_group_detection,
    places: [
      place('rules', m.nav_rules, 'r', 'see_rules'),
      place('intel', m.nav_intel, 'n', 'see_rules'),
      place('instruments', m.nav_instruments, 'u', 'see_incidents'),
      place('exceptions', m.nav_exceptions, 'e', 'see_rules')
    ]
  },
  {
    id: 'learning',
    word: m.nav_group_learning,
    places: [
      place('reports', m.nav_reports, 'd', 'see_sources'),
      place('record', m.nav_record, 'h', 'see_record'),
      place('risk', m.nav_risk, 'x', 'see_incidents'),
      place('improvement', m.nav_improvement, 'k', 'see_incidents'),
      place('library', m.nav_library, 'j', 'see_incidents'),
      place('vendors', m.nav_vendors, 'v', 'see_incidents')
    ]
  }
];

/* The groups with the places that these permissions open; a group without any is left out. */
export function openTo(permissions: readonly Permission[]): Group[] {
  return GROUPS.map((group) => ({ ...group, places: group.places.filter(({ needs }) => permissions.includes(needs)) })).filter(({ places }) => places.length > 0);
}

export const placesOf = (groups: readonly Group[]): Place[] => groups.flatMap(({ places }) => places);

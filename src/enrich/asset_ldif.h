/* What a directory knows about computers, people and departments: an export as LDIF (RFC 2849), brought to
 * columns by content/ldap.yml. */
#ifndef ENRICH_ASSET_LDIF_H
#define ENRICH_ASSET_LDIF_H

#include "enrich/asset_csv.h"

struct ldap_map; /* immutable once loaded */
struct ldap_map *ldap_map_load(const char *path, struct error *err) MUST_CHECK;
void ldap_map_free(struct ldap_map *m);

/* Entries that are added or simply there; changes and deletions are passed over, so are entries that the map
 * does not want. Values are UTF-8, or base64 of it (attribute::); values that are fetched from elsewhere
 * (attribute:<) count as missing. At most 64 MiB, 2,000 values an entry. */
bool asset_read_ldif(const struct ldap_map *map, const char *path, struct str text, struct arena *arena,
                     struct asset_set *set, struct error *err) MUST_CHECK;

#endif

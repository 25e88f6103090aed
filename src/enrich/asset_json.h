/* Context files as JSON: hosts.json, users.json … hold an array of objects whose members are the columns of
 * the CSV file of that name. Several values are an array or "a;b"; numbers and booleans are taken as written,
 * null as nothing. */
#ifndef ENRICH_ASSET_JSON_H
#define ENRICH_ASSET_JSON_H

#include "enrich/asset_csv.h"

/* As asset_read_text(). Members that are objects are refused. */
bool asset_read_json(enum asset_file file, const char *path, struct str text, struct arena *arena,
                     struct asset_set *set, struct error *err) MUST_CHECK;

#endif

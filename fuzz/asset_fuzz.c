/* libFuzzer: the inventory from anybody, as CSV, as JSON and as a directory's export; the first byte chooses.
 * What was read can be looked up. */
#include <stdlib.h>

#include "enrich/asset_json.h"
#include "enrich/asset_ldif.h"
#include "enrich/context.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ldap_map *map;
    struct error err = {{0}};
    struct arena arena;
    struct asset_set set = {.zone = NULL};
    if (!map && !(map = ldap_map_load("content/ldap.yml", &err)))
        abort();
    if (!size)
        return 0;
    arena_init(&arena, 16 << 10);
    struct str text = arena_str(&arena, str_n((const char *)data + 1, size - 1));
    enum asset_file file = (enum asset_file)(data[0] / 4 % ASSET_FILE_COUNT);
    bool ok = data[0] % 4 == 0   ? asset_read_text(file, "f", text, &arena, &set, &err)
              : data[0] % 4 == 1 ? asset_read_json(file, "f", text, &arena, &set, &err)
                                 : asset_read_ldif(map, "f", text, &arena, &set, &err);
    if (!ok) {
        if (err.text[0] == 0)
            __builtin_trap(); /* a refusal says why */
        arena_free(&arena);
        return 0;
    }
    struct context *c = context_new(&arena, &set, NULL);
    if (set.counts[ASSET_HOSTS])
        context_find_host(c, set.hosts[0].hostname, STR("10.0.0.1"), set.hosts[0].row.valid_from_ns);
    context_unref(c);
    return 0;
}

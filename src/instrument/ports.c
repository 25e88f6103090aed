/* Sets of ports (stage instrument); see ports.h. */
#include "instrument/ports.h"

#include "base/log.h"
#include "base/memory.h"
#include "event/asset.h"

bool ports_add(struct ports *p, struct str text)
{
    struct asset_port_range range;
    if (!asset_port_parse(text, &range))
        return false;
    for (uint32_t port = range.from; port <= range.to; port++)
        p->bits[port / 64] |= UINT64_C(1) << (port % 64);
    return true;
}

struct ports *ports_read(const char *path, const struct yaml *top, const char *name, struct arena *a,
                         struct error *err)
{
    const struct yaml *list = yaml_get(yaml_get(top, "lists"), name);
    struct ports *ports = ARENA_NEW(a, struct ports);
    if (list == NULL || list->count == 0) {
        (void)error_at(err, path, top->line, top->column,
                       tr("the list '%s' of ports is missing", "ポートの一覧「%s」がありません"), name);
        return NULL;
    }
    for (const struct yaml *at = list->child; at != NULL; at = at->next)
        if (!ports_add(ports, at->text)) {
            (void)
                error_at(err, path, at->line, at->column,
                         tr("'%.*s' is no port; write a number or a range such as 6660-6669",
                            "「%.*s」はポートではありません。番号か 6660-6669 のような範囲を書いてください"),
                         STR_ARGS(at->text));
            return NULL;
        }
    return ports;
}

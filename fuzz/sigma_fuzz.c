/* Rules from anybody: any text is loaded or refused, and what is loaded runs on any event. The input is a
 * rule file, and behind a NUL byte lines "field=value" for an event. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "detect/detect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TAXONOMY                                                                                             \
    "logsources:\n"                                                                                          \
    "  - {product: test, fields: [plain], when: [{event.module: test}]}\n"                                   \
    "  - {category: test, entity: source, fields: [plain], when: [{event.module: '*'}, {event.code: "        \
    "null}]}\n"                                                                                              \
    "field_sets:\n"                                                                                          \
    "  plain: {unmapped: ['t.{name}', '{name}'], map: {Hashes: {fields: t.Hashes, hashes: {MD5: t.md5}}}}\n"

static const char *taxonomy_folder(void)
{
    static char folder[] = "/tmp/hyakuyo-sigma-fuzz-XXXXXX";
    static bool made;
    struct error err = {0};
    if (made)
        return folder;
    char path[64];
    made = mkdtemp(folder) != NULL;
    snprintf(path, sizeof path, "%s/taxonomy.yml", folder);
    if (!made || !file_write_atomic(path, STR(TAXONOMY), 0600, &err))
        abort();
    return folder;
}

static void fill_event(struct event *e, struct arena *arena, struct str text)
{
    struct str line;
    event_add(e, arena, field_intern(STR("event.module")), STR("test"));
    while (str_split(&text, '\n', &line)) {
        size_t at = str_find_char(line, '=', 0);
        if (at == STR_NOT_FOUND)
            e->raw = line;
        else if (at > 0 && field_count() < FIELD_MAX / 2)
            event_add(e, arena, field_intern(arena_str(arena, str_slice(line, 0, at))),
                      arena_str(arena, str_skip(line, at + 1)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = {(const char *)data, size};
    size_t nul = str_find_char(input, '\0', 0);
    struct ruleset_options options = {.taxonomy_folder = taxonomy_folder(), .text = str_slice(input, 0, nul)};
    struct rule_report report = {0};
    struct error err = {0};
    struct ruleset *set = ruleset_load(&options, &report, &err);
    if (set) {
        struct batch *batch = batch_new(1);
        struct detect_scratch *scratch = detect_scratch_new(set);
        struct event e = {.time_ns = 0};
        fill_event(&e, &batch->arena, nul == STR_NOT_FOUND ? STR_EMPTY : str_skip(input, nul + 1));
        detect_event(set, scratch, &e, 1, batch);
        detect_prove(set, NULL, NULL, &report);
        detect_scratch_free(scratch);
        batch_free(batch);
        ruleset_unref(set);
    }
    rule_report_free(&report);
    return 0;
}

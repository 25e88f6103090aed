/* A damaged image of a rule set: it is refused, or what was read can be run on any event and written again.
 * The image is made here, so that it fits this program; the input says what to damage, six bytes each: where
 * (4), how (1), with what (1). */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "detect/image.h"
#include "detect/ruleset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TAXONOMY                                                                                             \
    "logsources:\n"                                                                                          \
    "  - {product: test, fields: [plain], when: [{event.module: test}]}\n"                                   \
    "  - {category: test, entity: source, fields: [plain], when: [{event.module: '*'}]}\n"                   \
    "field_sets:\n"                                                                                          \
    "  plain: {unmapped: ['t.{name}', '{name}'], map: {Hashes: {fields: t.Hashes, hashes: {MD5: t.md5}}}}\n"

#define RULE(id, source, detection)                                                                          \
    "title: " id "\nid: " id "\ntags: [attack.t1059]\nlogsource: {" source "}\ndetection:\n" detection       \
    "hyakuyo: {samples: [{fires: true, event: {t.A: [x, {y: z}]}}, {fires: false, raw: a line}]}\n---\n"

#define RULES                                                                                                \
    RULE("one", "product: test",                                                                             \
         "  s: {A|contains: [longer text, other text], B: x, C|startswith: abcdefghij}\n"                    \
         "  f: {D|endswith: '.exe', E|re: 'a+b', F|cidr: 10.0.0.0/8}\n  condition: s or not f\n")            \
    RULE("two", "category: test",                                                                            \
         "  a: {A: 'w*r?d', B: null, C|gt: 5}\n  b: {D|fieldref: A, '@timestamp|hour': 3}\n"                 \
         "  c: [key words, 'w*rd?']\n  d: {Hashes: MD5=0123456789abcdef0123456789abcdef, E|exists: true}\n"  \
         "  condition: 2 of them\n")                                                                         \
    "title: wrong\n"

struct world {
    char folder[48];
    struct buf image;
};

static void make_image(struct world *w)
{
    char path[80];
    struct error err = {0};
    struct rule_report report = {0};
    snprintf(w->folder, sizeof w->folder, "%s", "/tmp/hyakuyo-image-fuzz-XXXXXX");
    if (!mkdtemp(w->folder))
        abort();
    snprintf(path, sizeof path, "%s/taxonomy.yml", w->folder);
    if (!file_write_atomic(path, STR(TAXONOMY), 0600, &err))
        abort();
    struct ruleset_options options = {.taxonomy_folder = w->folder, .text = STR(RULES)};
    struct ruleset *set = ruleset_load(&options, &report, &err);
    if (!set || report.loaded != 2 || report.refused != 1)
        abort();
    struct image im = {.out = &w->image};
    ruleset_image(set, &report, &im);
    ruleset_unref(set);
    rule_report_free(&report);
}

/* Returns how many bytes are left. */
static size_t damage(struct buf *image, const uint8_t *data, size_t size)
{
    size_t n = image->n;
    for (; size >= 6 && n; data += 6, size -= 6) {
        uint32_t at;
        memcpy(&at, data, sizeof at);
        char *p = &image->p[at % n];
        switch (data[4] % 5) {
        case 0:
            *p = (char)data[5];
            break;
        case 1:
            *p = (char)(*p + (int8_t)data[5]);
            break;
        case 2:
            n = data[5] < 4 ? at % n : n;
            break;
        case 3:
            memset(p, data[5], n - at % n < 4 ? n - at % n : 4);
            break;
        default:
            memmove(p, image->p + data[5] % n, n - at % n < 8 ? 0 : 8);
        }
    }
    return n;
}

static void run(struct ruleset *set)
{
    static const char *const fields[] = {"A", "B", "C", "D", "E", "F", "Hashes"};
    struct batch *batch = batch_new(1);
    struct detect_scratch *scratch = detect_scratch_new(set);
    struct event e = {.time_ns = 0, .raw = STR("key words and a longer text")};
    event_add(&e, &batch->arena, field_intern(STR("event.module")), STR("test"));
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        event_add(&e, &batch->arena, field_intern(arena_printf(&batch->arena, "t.%s", fields[i])),
                  i == 5 ? STR("10.1.2.3") : STR("abcdefghijklmnop longer text.exe"));
    detect_event(set, scratch, &e, 1, batch);
    detect_scratch_free(scratch);
    batch_free(batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world world;
    if (!world.image.n)
        make_image(&world);
    struct ruleset *set = ruleset_new();
    struct rule_report report = {0};
    struct error err = {0};
    buf_add(&set->image, buf_str(&world.image));
    struct image im = {.is_reading = true, .in = set->image.p, .arena = &set->arena};
    im.in_bytes = damage(&set->image, data, size);
    set->taxonomy = taxonomy_load(world.folder, &set->arena, &err);
    ruleset_image(set, &report, &im);
    if (im.is_bad && (report.problem_count || report.files))
        abort();
    if (!im.is_bad) {
        struct buf again = {0};
        costs_init(set);
        run(set);
        struct image out = {.out = &again};
        ruleset_image(set, &report, &out);
        buf_free(&again);
    }
    if (size == 0 && im.is_bad)
        abort();
    ruleset_unref(set);
    rule_report_free(&report);
    return 0;
}

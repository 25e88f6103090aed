/* What the targets of the feed readers share: any bytes give a set, and what was read can be looked up. */
#ifndef INTEL_FUZZ_H
#define INTEL_FUZZ_H

#include <stdlib.h>

#include "detect/indicator_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A reference to the one plan. */
static inline struct indicator_plan *fuzz_plan(void)
{
    static struct indicator_plan *plan;
    struct error err = {{0}};
    if (!plan && !(plan = indicator_plan_load("content/intel", &err)))
        abort();
    return indicator_plan_ref(plan);
}

static inline bool fuzz_each(void *context, uint32_t ref)
{
    struct indicator_set *set = context;
    char text[INDICATOR_TEXT_MAX];
    uint32_t refs[INDICATOR_HITS_MAX];
    size_t n = indicator_set_text(set, ref, text);
    struct indicator_view view = indicator_set_view(set, ref);
    enum indicator_type type = view.type == INDICATOR_NETWORK ? INDICATOR_ADDRESS : view.type;
    struct str value = str_n(text, n);
    if (view.type == INDICATOR_NETWORK)
        value.n = str_find_char(value, '/', 0);
    if (indicator_set_find(set, type, value, refs) == 0)
        __builtin_trap(); /* what is in the set is found by its own text */
    return true;
}

static inline int fuzz_reader(const uint8_t *data, size_t size,
                              bool (*read)(struct str text, struct indicator_builder *b, struct error *err))
{
    struct indicator_plan *plan = fuzz_plan();
    struct error err = {{0}};
    struct buf image = {0};
    struct indicator_builder_options options = {
        .plan = plan, .source = STR("fuzz"), .confidence = -1, .tlp = STR_EMPTY, .now_ns = TIME_UNKNOWN};
    struct indicator_builder *b = indicator_builder_new(&options);
    bool ok = read(str_n((const char *)data, size), b, &err);
    if (ok != (err.text[0] == 0))
        __builtin_trap();
    indicator_builder_finish(b, &image);
    const struct indicator_report *report = indicator_builder_report(b);
    if (report->seen != report->kept + report->repeated + indicator_report_refused(report))
        __builtin_trap();
    struct indicator_image one = {.bytes = buf_str(&image)};
    struct indicator_set_options set_options = {.plan = plan, .images = &one, .image_count = 1};
    struct indicator_set *set = indicator_set_new(&set_options, &err);
    if (!set)
        __builtin_trap();
    indicator_set_walk(set, 0, fuzz_each, set);
    indicator_set_unref(set);
    indicator_builder_free(b);
    buf_free(&image);
    return 0;
}

#endif

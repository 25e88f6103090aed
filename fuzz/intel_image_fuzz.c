/* libFuzzer: files of the data folder that something has damaged. The checksum is set right, so that what
 * stands behind it is reached. */
#include <xxhash.h>

#include "detect/indicator_image.h"
#include "intel_fuzz.h"

static bool show(void *context, uint32_t ref)
{
    char text[INDICATOR_TEXT_MAX];
    indicator_set_text(context, ref, text);
    indicator_set_view(context, ref);
    return indicator_set_holds_at(context, ref, 0) || true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const values[] = {"198.51.100.7", "www.evil.example", "http://evil.example/x?y",
                                         "2001:db8::7"};
    struct buf copy = {0}, added = {0};
    struct error err = {{0}};
    uint32_t refs[INDICATOR_HITS_MAX];
    buf_bytes(&copy, data, size);
    if (size >= sizeof(struct image_header)) {
        struct image_header *h = (void *)copy.p;
        memcpy(h->magic, IMAGE_MAGIC, sizeof h->magic);
        h->version = IMAGE_VERSION;
        h->end = size;
        h->checksum = XXH3_64bits(copy.p + sizeof *h, size - sizeof *h);
    }
    if (indicator_image_is_whole(buf_str(&copy), &err))
        indicator_image_added(buf_str(&copy), STR_EMPTY, STR_EMPTY, &added);
    struct indicator_image image = {.bytes = buf_str(&copy)};
    struct indicator_set_options options = {.plan = fuzz_plan(), .images = &image, .image_count = 1};
    struct indicator_set *set = indicator_set_new(&options, &err);
    for (size_t i = 0; set && i < COUNT_OF(values); i++)
        for (int type = 0; type < INDICATOR_TYPE_COUNT; type++)
            indicator_set_find(set, (enum indicator_type)type, str_c(values[i]), refs);
    if (set)
        indicator_set_walk(set, 0, show, set);
    indicator_set_unref(set);
    buf_free(&copy);
    buf_free(&added);
    return 0;
}

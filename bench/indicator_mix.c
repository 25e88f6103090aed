/* Indicators by number: what intel_bench and detect_bench look values up among. */
#include "indicator_mix.h"

#include <stdio.h>

uint64_t mix_bits(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static enum indicator_type address(uint64_t i, uint64_t r, bool is_absent, char *out, size_t *n)
{
    unsigned last = is_absent ? 200 + (unsigned)(r & 31) : (unsigned)(r % 200);
    *n = (size_t)snprintf(out, MIX_TEXT_MAX, "%u.%u.%u.%u", 11 + (unsigned)(i >> 16) % 80,
                          (unsigned)(i >> 8) & 255, (unsigned)i & 255, last);
    return INDICATOR_ADDRESS;
}

static enum indicator_type network(uint64_t r, bool is_absent, char *out, size_t *n)
{
    unsigned b = (unsigned)(r >> 8) & 255, c = (unsigned)(r >> 16) & 255;
    if (is_absent) {
        *n = (size_t)snprintf(out, MIX_TEXT_MAX, "%u.%u.%u.9", 150 + (unsigned)(r & 15), b, c);
        return INDICATOR_ADDRESS;
    }
    *n = (size_t)snprintf(out, MIX_TEXT_MAX, "%u.%u.%u.0/%u", 100 + (unsigned)(r & 15), b, c,
                          20 + (unsigned)(r >> 32) % 9);
    return INDICATOR_NETWORK;
}

enum indicator_type mix_make(uint64_t i, bool is_absent, char out[MIX_TEXT_MAX], size_t *n)
{
    uint64_t r = mix_bits(i * 2 + is_absent), share = i % 100;
    unsigned long long wide = r;
    if (share < 35)
        return address(i, r, is_absent, out, n);
    if (share < 69) {
        *n = (size_t)snprintf(out, MIX_TEXT_MAX, "%sh%llx.d%llx.example", r & 1 ? "www." : "", wide & 0xffff,
                              wide >> 16);
        return INDICATOR_DOMAIN;
    }
    if (share < 70) {
        *n = (size_t)snprintf(out, MIX_TEXT_MAX, "desk%llx@d%llx.example", wide & 0xffff, wide >> 16);
        return INDICATOR_MAIL;
    }
    if (share < 90) {
        *n = (size_t)snprintf(out, MIX_TEXT_MAX, "%016llx%016llx%016llx%016llx", wide,
                              (unsigned long long)mix_bits(r), (unsigned long long)mix_bits(r + 1),
                              (unsigned long long)mix_bits(r + 2));
        return INDICATOR_HASH;
    }
    if (share < 98) {
        *n = (size_t)snprintf(out, MIX_TEXT_MAX, "http://h%llx.example/p/%llx.php?id=%llu", wide & 0xffffff,
                              wide >> 24, wide & 1023);
        return INDICATOR_URL;
    }
    return network(r, is_absent, out, n);
}

uint64_t mix_image(const struct indicator_plan *plan, uint64_t count, struct buf *image)
{
    struct indicator_builder_options building = {
        .plan = plan, .source = STR("bench"), .confidence = -1, .tlp = STR_EMPTY, .now_ns = TIME_UNKNOWN};
    struct indicator_builder *b = indicator_builder_new(&building);
    char text[MIX_TEXT_MAX], description[64];
    for (uint64_t i = 0; i < count; i++) {
        size_t n,
            written = (size_t)snprintf(description, sizeof description, "campaign %u", (unsigned)(i % 5000));
        enum indicator_type type = mix_make(i, false, text, &n);
        struct indicator indicator = {.type = type,
                                      .value = str_n(text, n),
                                      .confidence = (int)(i % 101),
                                      .valid_from_ns = TIME_UNKNOWN,
                                      .valid_until_ns = TIME_UNKNOWN,
                                      .description = str_n(description, written),
                                      .labels = STR_EMPTY,
                                      .tlp = STR("amber"),
                                      .reference = STR_EMPTY};
        indicator_builder_add(b, &indicator, 0);
    }
    indicator_builder_finish(b, image);
    uint64_t kept = indicator_builder_report(b)->kept;
    indicator_builder_free(b);
    return kept;
}

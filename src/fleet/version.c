/* Version texts → keys that can be compared (stage fleet). */
#include "fleet/version.h"

#include "base/clock.h"

#define TEXT_MAX   96
#define PREFIX_MAX 12 /* letters before the first digit: "v", "AV: ", "DAT ", "rev. " */

static struct str group_named(const struct regex *r, const struct str *groups, size_t count, char name)
{
    for (size_t i = 1; i < count; i++)
        if (str_eq(regex_group_name(r, i), str_n(&name, 1)) && groups[i].p != NULL)
            return groups[i];
    return STR_EMPTY;
}

static bool read_date(const struct regex *r, const struct str *groups, struct version_key *out)
{
    size_t count = regex_group_count(r);
    uint64_t y, m, d, rest = 0;
    if (!str_to_u64(group_named(r, groups, count, 'y'), 10, &y) ||
        !str_to_u64(group_named(r, groups, count, 'm'), 10, &m) ||
        !str_to_u64(group_named(r, groups, count, 'd'), 10, &d))
        return false;
    y += y < 100 ? 2000 : 0;
    if (m < 1 || m > 12 || d < 1 || d > 31)
        return false;
    struct str more = group_named(r, groups, count, 'r');
    if (more.n)
        (void)str_to_u64(more, 10, &rest);
    *out = (struct version_key){.parts = {y * 10000 + m * 100 + d, rest}, .count = 2, .has_date = 1};
    return true;
}

static bool read_numbers(struct str text, struct version_key *out)
{
    size_t letters = 0, at = 0;
    bool has_value = false;
    for (; at < text.n && !ascii_is_digit(text.p[at]); at++)
        letters++;
    if (at == text.n || letters > PREFIX_MAX)
        return false;
    while (at < text.n && out->count < VERSION_PARTS) {
        uint64_t number = 0;
        for (; at < text.n && ascii_is_digit(text.p[at]); at++)
            number = number > UINT64_MAX / 100 ? number : number * 10 + (uint64_t)(text.p[at] - '0');
        has_value |= number != 0;
        out->parts[out->count++] = number;
        while (at < text.n && !ascii_is_digit(text.p[at]))
            at++;
    }
    return has_value;
}

bool version_parse(struct str text, struct regex *const *dates, uint32_t date_count,
                   struct regex_scratch *scratch, struct version_key *out)
{
    struct str groups[REGEX_MAX_GROUPS];
    *out = (struct version_key){0};
    text = str_trim(text);
    if (text.n == 0 || text.n > TEXT_MAX)
        return false;
    for (uint32_t i = 0; i < date_count; i++)
        if (regex_match(dates[i], scratch, text, groups, COUNT_OF(groups)) == REGEX_YES &&
            read_date(dates[i], groups, out))
            return true;
    return read_numbers(text, out);
}

int version_compare(const struct version_key *a, const struct version_key *b)
{
    for (uint32_t i = 0; i < VERSION_PARTS; i++)
        if (a->parts[i] != b->parts[i])
            return a->parts[i] < b->parts[i] ? -1 : 1;
    return 0;
}

int64_t version_date_ns(const struct version_key *v)
{
    if (!v->has_date)
        return TIME_UNKNOWN;
    uint64_t date = v->parts[0];
    return civil_to_days((int64_t)(date / 10000), (unsigned)(date / 100 % 100), (unsigned)(date % 100)) *
           86400 * NS_PER_SECOND;
}

/* How a name looks. Stage: instrument. A label → numbers. Next: name_model.c, dga.c, dns_tunnel.c and
 * destination.c. */
#include "instrument/name_score.h"

#include <math.h>

#include "base/memory.h"

double name_entropy(struct str name)
{
    uint32_t counts[256] = {0};
    for (size_t i = 0; i < name.n; i++)
        counts[(unsigned char)ascii_lower(name.p[i])]++;
    double bits = 0;
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        if (counts[i]) {
            double p = (double)counts[i] / (double)name.n;
            bits -= p * log2(p);
        }
    return bits;
}

/* ---------------------------------------------------------------------------------- labels */

struct str subdomain_of(struct str name, struct str registered_domain)
{
    if (name.n <= registered_domain.n + 1 || !str_ends_nocase(name, registered_domain) ||
        name.p[name.n - registered_domain.n - 1] != '.')
        return STR_EMPTY;
    return str_n(name.p, name.n - registered_domain.n - 1);
}

struct str first_label(struct str domain)
{
    size_t dot = str_find_char(domain, '.', 0);
    return dot == STR_NOT_FOUND ? domain : str_n(domain.p, dot);
}

double label_length_mean(struct str name)
{
    size_t labels = 1, letters = 0;
    for (size_t i = 0; i < name.n; i++) {
        labels += name.p[i] == '.';
        letters += name.p[i] != '.';
    }
    return (double)letters / (double)labels;
}

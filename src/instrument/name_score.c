/* How a name looks. Stage: instrument. A label → numbers. Next: dga.c, dns_tunnel.c and destination.c. */
#include "instrument/name_score.h"

#include <math.h>

#include "base/memory.h"

enum { LETTERS = 26, DIGIT = LETTERS, HYPHEN, END, SYMBOLS };

#define LEAST_LENGTH 7

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

double digit_share(struct str name)
{
    size_t digits = 0;
    for (size_t i = 0; i < name.n; i++)
        digits += ascii_is_digit(name.p[i]);
    return name.n ? (double)digits / (double)name.n : 0;
}

double vowel_share(struct str name)
{
    size_t letters = 0, vowels = 0;
    for (size_t i = 0; i < name.n; i++) {
        char c = ascii_lower(name.p[i]);
        letters += c >= 'a' && c <= 'z';
        vowels += c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
    }
    return letters ? (double)vowels / (double)letters : 0;
}

/* ----------------------------------------------------------------------------------- model */

struct name_model {
    double log_p[SYMBOLS][SYMBOLS]; /* of the second after the first */
};

static unsigned symbol_of(char c)
{
    c = ascii_lower(c);
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a');
    return ascii_is_digit(c) ? DIGIT : HYPHEN;
}

struct name_model *name_model_new(const struct str *words, size_t count)
{
    struct name_model *m = NEW(struct name_model);
    for (unsigned a = 0; a < SYMBOLS; a++)
        for (unsigned b = 0; b < SYMBOLS; b++)
            m->log_p[a][b] = 0.5;
    for (size_t w = 0; w < count; w++) {
        unsigned before = END;
        for (size_t i = 0; i < words[w].n; i++) {
            unsigned s = symbol_of(words[w].p[i]);
            m->log_p[before][s]++;
            before = s;
        }
        m->log_p[before][END]++;
    }
    for (unsigned a = 0; a < SYMBOLS; a++) {
        double sum = 0;
        for (unsigned b = 0; b < SYMBOLS; b++)
            sum += m->log_p[a][b];
        for (unsigned b = 0; b < SYMBOLS; b++)
            m->log_p[a][b] = log(m->log_p[a][b] / sum);
    }
    return m;
}

void name_model_free(struct name_model *m)
{
    memory_free(m);
}

double name_likelihood(const struct name_model *m, struct str label)
{
    double sum = 0;
    unsigned before = END;
    for (size_t i = 0; i < label.n; i++) {
        unsigned s = symbol_of(label.p[i]);
        sum += m->log_p[before][s];
        before = s;
    }
    return label.n ? sum / (double)label.n : 0;
}

static double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

/* The threshold −3.2 of spec 2.4 is where unlikely pairs alone make even odds for a label of 12 characters;
 * longer labels are surer, digits among letters and missing vowels add. */
double generated_likeness(const struct name_model *m, struct str label)
{
    if (label.n < LEAST_LENGTH || str_starts_nocase(label, STR("xn--")))
        return 0;
    double length = (double)(label.n < 32 ? label.n : 32);
    double unlikely = (-3.2 - name_likelihood(m, label)) * length / 3;
    double digits = digit_share(label);
    double mixed = digits > 0 && digits < 1 ? 3 * digits : digits == 1 ? -4 : 0;
    double vowels = vowel_share(label) < 0.2 ? 1 : 0;
    double longer = (length - 12) / 6;
    double varied = name_entropy(label) > 3.3 ? 0.5 : 0;
    return logistic(unlikely + mixed + vowels + longer + varied);
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

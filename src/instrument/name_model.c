/* How much a label looks drawn by lot. Stage: instrument. A label → a number from 0 to 1. Next: dga.c and
 * destination.c. */
#include "instrument/name_model.h"

#include <math.h>

#include "base/map.h"
#include "base/memory.h"

#define LEAST_LENGTH 7
#define SHORT_WORD   3
#define LONG_WORD    16
#define LONG_NUMBER  4 /* years, and what people count to */
#define INITIALS     3
#define LABEL_MAX    63

enum { LETTERS = 26, EDGE = LETTERS, SYMBOLS }; /* EDGE: before the first letter, after the last one */

struct name_model {
    float log_p[SYMBOLS][SYMBOLS][LETTERS]; /* of the third after the first two */
    struct map words;
};

/* ------------------------------------------------------------------------------- the counts */

struct counts {
    double three[SYMBOLS][SYMBOLS][SYMBOLS], two[SYMBOLS][SYMBOLS], one[SYMBOLS], all;
};

static bool is_letter(char c)
{
    c = ascii_lower(c);
    return c >= 'a' && c <= 'z';
}

static unsigned letter_of(char c)
{
    return (unsigned)(ascii_lower(c) - 'a');
}

static void count_word(struct counts *n, struct str word)
{
    unsigned a = EDGE, b = EDGE;
    for (size_t i = 0; i <= word.n; i++) {
        if (i < word.n && !is_letter(word.p[i]))
            continue;
        unsigned c = i < word.n ? letter_of(word.p[i]) : EDGE;
        n->three[a][b][c]++;
        n->two[b][c]++;
        n->one[c]++;
        n->all++;
        a = b;
        b = c;
    }
}

static double sum_of(const double *counts)
{
    double sum = 0;
    for (unsigned i = 0; i < SYMBOLS; i++)
        sum += counts[i];
    return sum;
}

/* What was seldom seen leans on what follows one letter, and that on the letters alone: interpolation with
 * Dirichlet weights (MacKay, Peto 1995). */
static double probability(const struct counts *n, unsigned a, unsigned b, unsigned c)
{
    double alone = (n->one[c] + 0.5) / (n->all + 0.5 * SYMBOLS);
    double after_one = (n->two[b][c] + 6 * alone) / (sum_of(n->two[b]) + 6);
    return (n->three[a][b][c] + 3 * after_one) / (sum_of(n->three[a][b]) + 3);
}

/* A letter goes on with the word, or the word ends and it begins the next one. */
static void fill(struct name_model *m, const struct counts *n)
{
    for (unsigned a = 0; a < SYMBOLS; a++)
        for (unsigned b = 0; b < SYMBOLS; b++) {
            double ends = b == EDGE ? 0 : probability(n, a, b, EDGE);
            for (unsigned c = 0; c < LETTERS; c++) {
                double p = probability(n, a, b, c) + ends * probability(n, EDGE, EDGE, c);
                m->log_p[a][b][c] = (float)log(p);
            }
        }
}

struct name_model *name_model_new(const struct str *words, size_t count)
{
    struct name_model *m = NEW(struct name_model);
    struct counts *n = NEW(struct counts);
    for (size_t w = 0; w < count; w++) {
        count_word(n, words[w]);
        if (words[w].n >= SHORT_WORD && words[w].n <= LONG_WORD)
            map_put(&m->words, words[w], NULL);
    }
    fill(m, n);
    memory_free(n);
    return m;
}

void name_model_free(struct name_model *m)
{
    map_free(&m->words);
    memory_free(m);
}

/* --------------------------------------------------------------------------- what is judged */

struct letters {
    double sum; /* of the logarithms */
    size_t count;
};

static struct letters letters_of(const struct name_model *m, struct str label)
{
    struct letters l = {0};
    unsigned a = EDGE, b = EDGE;
    for (size_t i = 0; i < label.n; i++) {
        if (!is_letter(label.p[i])) {
            a = b = EDGE;
            continue;
        }
        unsigned c = letter_of(label.p[i]);
        l.sum += (double)m->log_p[a][b][c];
        l.count++;
        a = b;
        b = c;
    }
    return l;
}

double name_likelihood(const struct name_model *m, struct str label)
{
    struct letters l = letters_of(m, label);
    return l.count ? l.sum / (double)l.count : 0;
}

/* The most characters that words cover without overlapping. Three letters in a row are a word by chance
 * rather often and count as two. */
static size_t covered(const struct name_model *m, struct str label)
{
    uint8_t best[LABEL_MAX + 1] = {0};
    for (size_t end = 1; end <= label.n; end++) {
        best[end] = best[end - 1];
        size_t longest = end < LONG_WORD ? end : LONG_WORD;
        for (size_t n = SHORT_WORD; n <= longest; n++) {
            size_t worth = best[end - n] + n - (n == SHORT_WORD);
            if (worth > best[end] && map_find(&m->words, str_slice(label, end - n, end)) != NULL)
                best[end] = (uint8_t)worth;
        }
    }
    return best[label.n];
}

static double wordless_letters(const struct name_model *m, struct str label)
{
    return (double)letters_of(m, label).count - (double)covered(m, label);
}

/* In lower case, with blanks for what stands between hyphens and is so short that it may be initials
 * ("ntt-east-jp"). Cut to what a label may be long. */
static struct str plain_label(struct str label, char room[LABEL_MAX])
{
    size_t n = label.n < LABEL_MAX ? label.n : LABEL_MAX, start = 0;
    for (size_t i = 0; i < n; i++)
        room[i] = ascii_lower(label.p[i]);
    for (size_t i = 0; i <= n; i++)
        if (i == n || room[i] == '-') {
            if (i - start <= INITIALS && i - start < n)
                memset(room + start, ' ', i - start);
            start = i + 1;
        }
    return str_n(room, n);
}

double name_wordless_share(const struct name_model *m, struct str label)
{
    char room[LABEL_MAX];
    label = plain_label(label, room);
    return label.n ? wordless_letters(m, label) / (double)label.n : 0;
}

struct digits {
    size_t changes; /* between a letter and a digit, either way */
    size_t beyond;  /* LONG_NUMBER in a row */
};

static struct digits digits_of(struct str label)
{
    struct digits d = {0};
    size_t row = 0;
    for (size_t i = 0; i < label.n; i++) {
        bool is_digit = ascii_is_digit(label.p[i]);
        if (i && ((is_digit && is_letter(label.p[i - 1])) ||
                  (is_letter(label.p[i]) && ascii_is_digit(label.p[i - 1]))))
            d.changes++;
        row = is_digit ? row + 1 : 0;
        d.beyond += row > LONG_NUMBER;
    }
    return d;
}

/* Weights of a logistic regression (Newton's method, classes weighed alike): letters by lot, hexadecimal
 * digests, base 36 and syllables against every other name of a list of popular sites, numbered words and
 * Japanese trade names. What it was not shown, and how it fares there: docs/instruments.md. */
double generated_likeness(const struct name_model *m, struct str label)
{
    enum { CHANGES_MAX = 6 };
    char room[LABEL_MAX];
    if (label.n < LEAST_LENGTH || str_starts_nocase(label, STR("xn--")))
        return 0;
    label = plain_label(label, room);
    struct letters letters = letters_of(m, label);
    struct digits digits = digits_of(label);
    double unlikely = (-2.75 * (double)letters.count - letters.sum) / 3;
    double changes = (double)(digits.changes < CHANGES_MAX ? digits.changes : CHANGES_MAX);
    double beyond = letters.count ? (double)digits.beyond : 0;
    double wordless = wordless_letters(m, label) / (double)label.n;
    return 1 / (1 + exp(8.1 - 0.8 * unlikely - 1.4 * changes - 6.6 * wordless - 2.6 * beyond));
}

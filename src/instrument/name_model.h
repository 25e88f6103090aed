/* How much a label looks drawn by lot (spec 2.4): letters that do not follow one another as in words, letters
 * that belong to no word, digits among the letters. The model is data: it is counted from words of
 * content/instruments/. Numbers beside words ("img3", "cdn12-tokyo") and words in a row are how people name
 * things and say nothing; nor do up to three letters between hyphens ("ntt-east"). */
#ifndef INSTRUMENT_NAME_MODEL_H
#define INSTRUMENT_NAME_MODEL_H

#include "base/str.h"

struct name_model;

/* Counts threes of letters in the words; borrows them. */
struct name_model *name_model_new(const struct str *words, size_t count);
void name_model_free(struct name_model *m);

/* Mean natural logarithm of the probability of each letter after the two before it; another word may begin
 * after any. Names that people choose lie near −2.9, letters drawn by lot near −4.6. 0 without letters. */
double name_likelihood(const struct name_model *m, struct str label);

/* Share of the characters that are letters of no word of the model; a word has 3 to 16 letters. 0 for "". */
double name_wordless_share(const struct name_model *m, struct str label);

/* 0 … 1: how much the label looks like the work of a domain generation algorithm: a logistic over the two
 * above, changes between letters and digits, and digits beyond four in a row. Labels below 7 characters say
 * nothing and give 0, and so does Punycode ("xn--"): its letters follow another law. */
double generated_likeness(const struct name_model *m, struct str label);

#endif

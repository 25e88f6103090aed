/* How a name looks: entropy, digits and vowels, and how likely its letters follow one another in names that
 * people choose (spec 2.4, 2.9). The model is data: it is counted from words of content/instruments/. */
#ifndef INSTRUMENT_NAME_SCORE_H
#define INSTRUMENT_NAME_SCORE_H

#include "base/str.h"

/* Shannon entropy of the bytes, bits a character, letters without case; 0 for "". */
double name_entropy(struct str name);

/* Share of characters, 0 for "". */
double digit_share(struct str name);
double vowel_share(struct str name); /* of the letters */

struct name_model;

/* Counts pairs of letters in the words, add-one-half smoothing over letters, digits as one class, hyphen and
 * the ends of the word. */
struct name_model *name_model_new(const struct str *words, size_t count);
void name_model_free(struct name_model *m);
/* Mean natural logarithm of the probability of each letter after the one before; names that people choose lie
 * above −3, letters drawn by lot near −3.6. 0 for "". */
double name_likelihood(const struct name_model *m, struct str label);

/* 0 … 1: how much the label looks like the work of a domain generation algorithm. Several signs are weighed
 * (unlikely pairs, length, entropy, digits, few vowels); labels below 7 characters say nothing and give 0.
 * Punycode ("xn--") gives 0: its letters follow another law. */
double generated_likeness(const struct name_model *m, struct str label);

/* "a.b" of "a.b.example.com" under "example.com"; "" when name is the domain itself or not under it. */
struct str subdomain_of(struct str name, struct str registered_domain);
/* The first label of a registered domain: "example" of "example.co.jp". */
struct str first_label(struct str domain);
/* Mean and longest length of the labels. */
double label_length_mean(struct str name);

#endif

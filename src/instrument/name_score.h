/* How a name looks: its entropy, its labels (spec 2.9). Whether it looks drawn by lot: name_model.h. */
#ifndef INSTRUMENT_NAME_SCORE_H
#define INSTRUMENT_NAME_SCORE_H

#include "base/str.h"

/* Shannon entropy of the bytes, bits a character, letters without case; 0 for "". */
double name_entropy(struct str name);

/* "a.b" of "a.b.example.com" under "example.com"; "" when name is the domain itself or not under it. */
struct str subdomain_of(struct str name, struct str registered_domain);
/* The first label of a registered domain: "example" of "example.co.jp". */
struct str first_label(struct str domain);
/* Mean length of the labels. */
double label_length_mean(struct str name);

#endif

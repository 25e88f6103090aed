/* Registered domains (eTLD+1) by the public suffix list, through libpsl (domain.c is the only file that
 * includes it). The list is the one that the library was built with. */
#ifndef BASE_DOMAIN_H
#define BASE_DOMAIN_H

#include "base/str.h"

#define DOMAIN_MAX 255

/* The part of `domain` that somebody registered: "b.co.jp" of "www.b.co.jp". `domain` is in lower case; the
 * answer is a part of it. Addresses, single labels and public suffixes themselves have none: all of it. Any
 * thread. */
struct str domain_registered(struct str domain);

/* Whether `registered`, an answer of domain_registered(), lies directly below a suffix that a company has
 * listed for the names of its customers ("d1.cloudfront.net"). Any thread. */
bool domain_is_below_private_suffix(struct str registered);

#endif

/* ArcSight CEF (Common Event Format, rev. 25) and IBM QRadar LEEF 1.0 and 2.0. */
#ifndef PARSE_CEF_H
#define PARSE_CEF_H

#include "parse/named.h"

/* Finds "CEF:" at the start of the text, or behind a prefix in its first 512 bytes. Adds the header as
 * cef.version, cef.vendor, cef.product, cef.device_version, cef.class_id, cef.name, cef.severity, and the
 * extension by its own keys; with cs1Label=X and cs1=v also X=v (spaces in X become '_'). False when there is
 * no complete header. */
bool cef_parse(struct str text, struct named_list *out, struct arena *arena);

/* The same for "LEEF:": leef.version, leef.vendor, leef.product, leef.product_version, leef.event_id. */
bool leef_parse(struct str text, struct named_list *out, struct arena *arena);

#endif

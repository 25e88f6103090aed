/* XML, flattened to named strings, as Windows renders events. */
#ifndef PARSE_XML_H
#define PARSE_XML_H

#include "parse/named.h"

#define XML_MAX_DEPTH 32

/* Finds the first element at the start of the text (declaration, comments and a prefix of at most 512 bytes
 * before the first '<' allowed). Names are paths below the root without it: <Event><System><EventID>1</…>
 * gives System.EventID, attributes are children: System.Provider.Name. <Data Name="X">v</Data> gives
 * PARENT.X, spaces around v and an empty v included; other texts are trimmed. Entities are decoded. False
 * when the text is no XML, or is broken before the first complete element; what came before a later break
 * stays and true is returned. */
bool xml_parse(struct str text, struct named_list *out, struct arena *arena);

#endif

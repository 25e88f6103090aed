/* The description of the API: openapi.json, put into the program at build time by embed.py. */
#ifndef CONSOLE_OPENAPI_H
#define CONSOLE_OPENAPI_H

#include "base/str.h"

struct str openapi_text(void);

#endif

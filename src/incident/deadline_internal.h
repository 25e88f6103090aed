/* What deadline.c and deadline_load.c share. */
#ifndef INCIDENT_DEADLINE_INTERNAL_H
#define INCIDENT_DEADLINE_INTERNAL_H

enum { DEADLINE_FACTS_MAX = 16 }; /* that one rule may ask for */

#endif

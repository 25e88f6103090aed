/* Whom a rule reaches, and when. Pure functions of what is handed in: the clock is an argument. */
#ifndef NOTIFY_PLAN_H
#define NOTIFY_PLAN_H

#include "notify/rules.h"

struct notify_contact {
    struct str role, person, account, mail;
    struct str hours; /* as the register has it: "24h", "9:00-17:30", "Mon-Fri 9-17", "平日 9:00-17:30" */
    enum language language;
    bool is_deputy;
};

/* Local time, as the functions below need it. */
struct notify_when {
    const struct calendar *calendar;
    const struct zone *zone;
    int64_t now_ns;
};

/* The first moment at which a message of this rule may leave: behind its digest's time, and behind the quiet
 * hours unless it goes through them. */
int64_t notify_due(const struct notify_rules *rules, const struct notify_rule *rule,
                   const struct notify_when *when);
bool notify_is_quiet(const struct notify_rules *rules, const struct notify_when *when);

/* Hours that cannot be read are always: nobody is left out by a misspelling. */
bool notify_is_reachable(struct str hours, const struct notify_when *when);
/* Whether the text says hours at all: a span, or that it is always. */
bool notify_hours_are_told(struct str hours);

/* Indexes of the contacts that hold the role, or have the account when it is "@account": the primaries whose
 * hours these are; without any the deputies whose hours these are; without any all primaries; without any all
 * deputies. With a position only those of it. `out` has room for all contacts. */
uint32_t notify_recipients(const struct notify_contact *contacts, uint32_t count, struct str role,
                           enum contact_position position, const struct notify_when *when, uint32_t *out);

/* How long to wait behind attempt number `attempts` (1 = the first has failed): doubles from `first_ns` up to
 * `longest_ns`, of which half is a lot: `random` is any number. */
int64_t notify_back_off(uint32_t attempts, int64_t first_ns, int64_t longest_ns, uint64_t random);

#endif

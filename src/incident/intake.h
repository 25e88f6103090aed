/* What a person who suspects an infection is asked and told, and what is looked up when they report (S80 to
 * S86): content/intake.yml, read once, immutable. Which events fit is asked by whoever knows the store. */
#ifndef INCIDENT_INTAKE_H
#define INCIDENT_INTAKE_H

#include "base/error.h"
#include "base/str.h"

#define INTAKE_WHO_MAX  8
#define INTAKE_SHOW_MAX 12
#define INTAKE_ROWS_MAX 100

struct intake_text {
    struct str en, ja;
};

struct intake_item { /* a symptom, a step of the card, a deviation; lines of the script have no id */
    struct str id;
    struct intake_text text;
};

struct intake_list {
    struct intake_item *items;
    uint32_t count;
};

enum intake_key { INTAKE_HOST, INTAKE_IP, INTAKE_USER, INTAKE_MAILBOX };

enum intake_look_kind {
    INTAKE_SHOW,   /* the newest events */
    INTAKE_RARE,   /* values that few computers have met */
    INTAKE_VOLUME, /* hours against the computer's own */
};

struct intake_look {
    struct str id;
    struct intake_text title;
    enum intake_look_kind kind;
    bool is_for_all;
    struct str *symptoms;
    uint32_t symptom_count;
    struct {
        struct str field;
        enum intake_key key;
    } who[INTAKE_WHO_MAX];
    uint32_t who_count;
    struct str only;                       /* filter language; "" = all */
    int64_t before_minutes, after_minutes; /* of the moment of notice */
    struct str show[INTAKE_SHOW_MAX];
    uint32_t show_count;
    struct str field;  /* of INTAKE_RARE and INTAKE_VOLUME; "events" = how many */
    struct str across; /* INTAKE_RARE: what tells computers apart */
    struct str follow; /* INTAKE_SHOW: all events that share a value of this field with those; "" = none */
    int64_t hosts, days, rows;
};

struct intake_rules {
    struct arena *arena; /* its own */
    struct str version;
    int64_t first_answer_minutes; /* within which the help desk takes a report */
    struct intake_list symptoms, steps, deviations, script;
    struct intake_look *looks;
    uint32_t look_count;
};

/* NULL with file, line and remedy. */
struct intake_rules *intake_rules_load(const char *path, struct error *err) MUST_CHECK;
/* The same for text at hand, which is copied; `path` is for messages. */
struct intake_rules *intake_rules_read(struct str text, const char *path, struct error *err) MUST_CHECK;
void intake_rules_free(struct intake_rules *r); /* NULL is fine */

/* NULL: no such id. */
const struct intake_item *intake_find(const struct intake_list *list, struct str id);
/* Whether that look is for a report with these symptoms ("a;b"). */
bool intake_is_for(const struct intake_look *look, struct str symptoms);

#endif

/* Entries of the record for commands. Next: recorder.c. */
#include "command/command_record.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

static void find_actor(char *out, size_t capacity)
{
    struct passwd entry, *found = NULL;
    char room[4096];
    if (getpwuid_r(getuid(), &entry, room, sizeof room, &found) == 0 && found != NULL)
        snprintf(out, capacity, "%s", entry.pw_name);
    else
        snprintf(out, capacity, "uid %u", (unsigned)getuid());
}

bool command_record_begin(struct command_record *c, struct state *state, const char *what, const char *object,
                          struct error *err)
{
    *c = (struct command_record){.recorder = recorder_new(state, err)};
    if (c->recorder == NULL)
        return false;
    find_actor(c->actor, sizeof c->actor);
    snprintf(c->target, sizeof c->target, "%s%s%s", what, *object ? "/" : "", object);
    c->act.deed = (struct deed){.action = "execute",
                                .actor = str_c(c->actor),
                                .target = str_c(c->target),
                                .evidence = STR("origin:command-line")};
    recorder_enter(c->recorder, &c->act);
    return true;
}

void command_record_end(struct command_record *c)
{
    if (c->recorder == NULL)
        return;
    recorder_leave(c->recorder);
    recorder_free(c->recorder);
    c->recorder = NULL;
}

static bool note(const struct arguments *a, const char *what, const char *object, struct str approved_by,
                 struct str evidence, struct error *err)
{
    char path[4096];
    struct command_record c;
    const char *data_dir = argument_text(a, "data");
    snprintf(path, sizeof path, "%s/state.db", data_dir);
    struct state *state = file_make_folders(data_dir, 0700, err) ? state_open(path, err) : NULL;
    if (state == NULL)
        return false;
    bool ok = command_record_begin(&c, state, what, object, err);
    if (ok) {
        c.act.deed.approved_by = approved_by;
        if (evidence.n)
            c.act.deed.evidence = evidence;
        ok = recorder_note(c.recorder, &c.act.deed, err);
    }
    command_record_end(&c);
    state_close(state);
    return ok;
}

bool command_record_note(const struct arguments *a, const char *what, const char *object,
                         const char *approved_by, struct error *err)
{
    return note(a, what, object, approved_by ? str_c(approved_by) : STR_EMPTY, STR_EMPTY, err);
}

bool command_record_evidence(const struct arguments *a, const char *what, const char *object,
                             const char *evidence, struct error *err)
{
    return note(a, what, object, STR_EMPTY, str_c(evidence), err);
}

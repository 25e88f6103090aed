/* The work on incidents for the console: whoever asks becomes the actor, and the handler of the question
 * answers. Next: work.h. */
#include "work/work.h"

static bool casework(void *ctx, const struct casework_request *request, struct arena *arena,
                     struct casework_answer *out, struct console_failure *failure)
{
    struct casework c = {.s = ctx,
                         .q = request,
                         .arena = arena,
                         .out = &out->body,
                         .answer = out,
                         .failure = failure,
                         .actor = request->viewer.user,
                         .roles = request->viewer.roles,
                         .sees_persons = request->viewer.may_see_persons,
                         .now_ns = clock_wall_ns()};
    return work_handler(request->what)(&c);
}

void services_work(struct console_services *s)
{
    s->casework = casework;
}

/* The commands, each defined in its own file. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "command.h"

#define COMMAND(name) extern const struct command command_##name;
#include "commands.def"
#undef COMMAND

#endif

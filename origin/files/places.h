/* places - the folders in which a file makes another process start, later and on its own. */
#ifndef SPOOR_ORIGIN_FILES_PLACES_H
#define SPOOR_ORIGIN_FILES_PLACES_H

#include <stdbool.h>
#include <stddef.h>

enum places_use {
	PLACES_CRONTAB, /* a user's: the file is called as the user is */
	PLACES_CRON_D,  /* lines of any user's */
	PLACES_AT,      /* a job of its owner */
	PLACES_UNIT,    /* systemd's; or, in NAME.d, a part of one */
	PLACES_PROGRAM, /* is run itself */
	PLACES_KEYS,    /* lets somebody log in */
	PLACES_FOLDER,  /* is a folder that would be a place itself */
};

struct place {
	const char *pattern; /* of folders, as of glob(3) */
	const char *name;    /* of the file that counts there; NULL: all do */
	enum places_use use;
};

/* Visits each folder that is there now. */
void places_each(void (*visit)(void *arg, const char *folder, const struct place *place),
                 void *arg);

/* Does a file of this name count there? */
bool places_has(const struct place *place, const char *name);

#endif

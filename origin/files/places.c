#include "origin/files/places.h"

#include "base/util.h"

#include <glob.h>
#include <string.h>

#define HOMES "{/root,/home/*}"
#define UNITS "{/etc,/run,/lib,/usr/local/lib}/systemd/system"

static const struct place places[] = {
	{"/etc", "crontab", PLACES_CRON_D},
	{"/etc/cron.d", NULL, PLACES_CRON_D},
	{"/etc/cron.{hourly,daily,weekly,monthly}", NULL, PLACES_PROGRAM},
	{"/etc/init.d", NULL, PLACES_PROGRAM},
	{"/etc", "rc.local", PLACES_PROGRAM},
	{"/var/spool/cron", NULL, PLACES_CRONTAB},
	{"/var/spool/cron/{crontabs,tabs}", NULL, PLACES_CRONTAB},
	{"/var/spool/cron/atjobs", NULL, PLACES_AT},
	{"/var/spool/at", NULL, PLACES_AT},
	{UNITS, NULL, PLACES_UNIT},
	{UNITS "/*.d", NULL, PLACES_UNIT},
	{"/run/systemd/transient", NULL, PLACES_UNIT},
	{"/etc/systemd/user", NULL, PLACES_UNIT},
	{HOMES "/.config/systemd/user", NULL, PLACES_UNIT},
	{HOMES "/.ssh", "authorized_keys", PLACES_KEYS},
	{HOMES, ".ssh", PLACES_FOLDER},
};

void places_each(void (*visit)(void *arg, const char *folder, const struct place *place), void *arg)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		glob_t found;

		if (glob(places[i].pattern, GLOB_ONLYDIR | GLOB_BRACE, NULL, &found) == 0) {
			for (size_t k = 0; k < found.gl_pathc; k++)
				visit(arg, found.gl_pathv[k], &places[i]);
		}
		globfree(&found);
	}
}

bool places_has(const struct place *place, const char *name)
{
	return place->name == NULL ? name[0] != '.' : strcmp(name, place->name) == 0;
}

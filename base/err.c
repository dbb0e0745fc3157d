#include "base/err.h"

#include "base/util.h"

static const char *const texts[] = {
#define X(name, text) [ERR_##name] = (text),
	ERR_MAP(X)
#undef X
};

const char *err_text(enum err err)
{
	size_t i = (size_t)err;

	return i < ARRAY_LEN(texts) ? texts[i] : "unknown error";
}

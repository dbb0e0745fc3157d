#include "proto/wire/envelope.h"

size_t envelope_pack(const struct key_pair *pair, const char *domain, const struct pack *body,
                     void *room, size_t len)
{
	struct octets out = octets_of(room, len);
	struct signature signature;

	if (body->out.is_full)
		return 0;
	signature = sign(pair, domain, body->out.start, pack_len(body));
	octets_uint(&out, pack_len(body), 2);
	octets_put(&out, body->out.start, pack_len(body));
	octets_put(&out, signature.octets, sizeof(signature.octets));
	return out.is_full ? 0 : octets_len(&out);
}

enum err envelope_cut(const void *data, size_t len, size_t max, struct bytes *ret_body,
                      struct signature *ret_signature)
{
	struct bytes in = bytes_of(data, len);

	*ret_body = bytes_cut(&in, (size_t)bytes_uint(&in, 2));
	bytes_copy(&in, ret_signature->octets, sizeof(ret_signature->octets));
	return in.is_short || bytes_left(&in) != 0 || len > max ? ERR_FORMAT : ERR_OK;
}

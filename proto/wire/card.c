#include "proto/wire/card.h"

enum err card_open(struct bytes cert, struct bytes record, const struct roots *roots,
                   struct wall now, struct card *ret)
{
	struct octets cert_out, record_out;
	struct card card;
	enum err cert_err = cert_open(cert.at, bytes_left(&cert), roots, now, &card.cert);
	enum err record_err;

	if (cert_err != ERR_OK && cert_err != ERR_EXPIRED)
		return cert_err;
	record_err = record_open(record.at, bytes_left(&record), &card.cert, now, &card.record);
	if (record_err != ERR_OK && record_err != ERR_EXPIRED)
		return record_err;
	card.id = cert_id(&card.cert);
	cert_out = octets_of(card.cert_blob.octets, sizeof(card.cert_blob.octets));
	octets_put(&cert_out, cert.at, bytes_left(&cert));
	card.cert_blob.len = octets_len(&cert_out);
	record_out = octets_of(card.record_blob.octets, sizeof(card.record_blob.octets));
	octets_put(&record_out, record.at, bytes_left(&record));
	card.record_blob.len = octets_len(&record_out);
	*ret = card;
	return cert_err != ERR_OK ? cert_err : record_err;
}

void card_pack(struct octets *out, const struct card *card)
{
	octets_uint(out, card->cert_blob.len, 2);
	octets_put(out, card->cert_blob.octets, card->cert_blob.len);
	octets_uint(out, card->record_blob.len, 2);
	octets_put(out, card->record_blob.octets, card->record_blob.len);
}

static bool cut(struct bytes *in, size_t max, struct bytes *ret)
{
	size_t len = (size_t)bytes_uint(in, 2);

	*ret = bytes_cut(in, len);
	return !in->is_short && len > 0 && len <= max;
}

enum err card_cut(struct bytes *in, struct bytes *ret_cert, struct bytes *ret_record)
{
	struct bytes cert, record;

	if (!cut(in, CERT_MAX, &cert) || !cut(in, RECORD_MAX, &record))
		return ERR_FORMAT;
	*ret_cert = cert;
	*ret_record = record;
	return ERR_OK;
}

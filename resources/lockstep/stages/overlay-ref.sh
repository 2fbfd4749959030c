# Brings a tree from an ostree repository into the layout of a root that is not finalized yet, so that it can be laid over
# one: /usr/etc is /etc there, and what packages have in /bin is in /usr/bin. The root is a hard-link checkout: files are
# moved or removed, never edited.
# $1: the root.
cd "$1"
if [ -d usr/etc ]; then
  if [ -e etc ]; then echo "it has both /etc and /usr/etc" >&2; exit 1; fi
  mv usr/etc etc
fi
# Links of a deployable root, such as home -> var/home: the finalized image gets its own.
find . -mindepth 1 -maxdepth 1 -type l -delete
if [ -L usr/local ]; then rm usr/local; fi
rm -rf sysroot
for name in bin sbin lib lib32 lib64 libx32 libo32; do
  [ -d "$name" ] || continue
  mkdir -p "usr/$name"
  cp -al "$name/." "usr/$name/"
  rm -rf "$name"
done

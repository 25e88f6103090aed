# A short front for Meson and npm. `make` gives build/hyakuyo with the console's files beside it; `make tuned` the same,
# compiled with counts of how it runs (scripts/tune): what is installed, packed and measured.
BUILD := build
MESON_FLAGS ?=

.PHONY: all tuned binary console lint bench fuzz asan tsan check-layers format install deb clean

all: binary console

$(BUILD)/build.ninja:
	meson setup $(BUILD) --prefix=/usr $(MESON_FLAGS) >$(BUILD).setup.log 2>&1 || { cat $(BUILD).setup.log; rm -f $(BUILD).setup.log; exit 1; }
	@rm -f $(BUILD).setup.log

tuned: console
	@scripts/tune $(BUILD)

binary: $(BUILD)/build.ninja
	@ninja -C $(BUILD) --quiet

console: $(BUILD)/console/.built

$(BUILD)/console/.built: web/package-lock.json $(shell find web/src web/messages web/index.html web/vite.config.ts -type f 2>/dev/null)
	cd web && ../scripts/with-node npm run --silent build
	@mkdir -p $(BUILD) && rm -rf $(BUILD)/console && cp -R web/dist $(BUILD)/console && touch $@

lint: check-layers
	scripts/lint

check-layers:
	scripts/check-layers

format:
	clang-format -i $$(git ls-files 'src/*.c' 'src/*.h' 'src/*.cpp' 'fuzz/*.c' 'bench/*.c')

asan:
	@[ -f build-asan/build.ninja ] || meson setup build-asan -Db_sanitize=address,undefined >/dev/null
	@ninja -C build-asan --quiet

tsan:
	@[ -f build-tsan/build.ninja ] || meson setup build-tsan -Db_sanitize=thread >/dev/null
	@ninja -C build-tsan --quiet

bench: all tuned
	scripts/bench

fuzz:
	scripts/fuzz

install: all tuned
	DESTDIR="$(DESTDIR)" meson install -C $(BUILD) --no-rebuild --quiet
	mkdir -p $(DESTDIR)/usr/share/hyakuyo && cp -R $(BUILD)/console $(DESTDIR)/usr/share/hyakuyo/

deb: all tuned
	scripts/make-deb

clean:
	rm -rf build build-tuned build-tuned.log build-asan build-tsan build-fuzz

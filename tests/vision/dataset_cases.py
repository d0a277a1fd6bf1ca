"""What lies in the folders of data sets: writers of small files, what each class is told, and what torchvision's is."""

import hashlib
import io
import json
import struct
import tarfile
import zlib

import numpy as np
import pytest
from PIL import Image

from fnn.vision import datasets

NUMBERS = np.random.default_rng(0)


def picture(path, mode="RGB", size=(6, 5), **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    Image.fromarray(NUMBERS.integers(0, 4 if mode == "L" else 255, shape, np.uint8), mode).save(path, **how)


def words(path):
    """A picture of 16 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(NUMBERS.integers(0, 9999, (5, 6), np.uint16)).save(path)


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def text(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def data(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def mat(path, **arrays):
    """As scipy writes it: each array an element, compressed."""
    pytest.importorskip("scipy")
    from scipy.io import savemat

    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, arrays, do_compression=True)


def structures(*rows):
    """As MATLAB's structures, which savemat takes as records of objects."""
    found = np.empty((1, len(rows)), [(name, object) for name in rows[0]])
    for i, row in enumerate(rows):
        for name, value in row.items():
            found[name][0, i] = value
    return found


def cells(*values):
    found = np.empty((1, len(values)), object)
    for i, value in enumerate(values):
        found[0, i] = value
    return found


def idx(path, array, kind):
    data(path, bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes())


def png16(path, pixels):
    """(H, W, 3) of 16 bits, which Pillow does not write."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    data(path, b"\x89PNG\r\n\x1a\n" + chunks)


def flo(path):
    data(path, b"PIEH" + struct.pack("<ii", 6, 5) + NUMBERS.standard_normal(60).astype("<f4").tobytes())


def pfm(path, channels=1, order="<"):
    head = f"{'PF' if channels == 3 else 'Pf'}\n6 5\n{-1.0 if order == '<' else 1.0}\n"
    data(path, head.encode() + NUMBERS.standard_normal(30 * channels).astype(order + "f4").tobytes())


# -- a folder for each kind, or a list ----------------------------------------------------------------


def clevr(root):
    folder = root / "clevr" / "CLEVR_v1.0"
    for part in ("val", "test"):
        for i in range(2):
            picture(folder / "images" / part / f"CLEVR_{part}_{i}.png")
    scenes = [{"image_filename": f"CLEVR_val_{i}.png", "objects": [{}] * (3 - i)} for i in range(2)]
    text(folder / "scenes" / "CLEVR_val_scenes.json", json.dumps({"scenes": scenes}))
    return {"split": "val"}, {}


def clevr_test(root):
    clevr(root)
    return {"split": "test"}, {}


def caltech101(root):
    folder = root / "caltech101"
    for kind, outlines in (("Faces", "Faces_2"), ("ant", "ant"), ("BACKGROUND_Google", "x")):
        for i in (1, 2):
            picture(folder / "101_ObjectCategories" / kind / f"image_{i:04d}.jpg", "L")
            mat(folder / "Annotations" / outlines / f"annotation_{i:04d}.mat", obj_contour=NUMBERS.random((2, 4)))
    return {"target_type": ["category", "annotation"]}, {}


def caltech256(root):
    for i, kind in enumerate(("001.ak47", "002.flag"), 1):
        for j in (1, 2):
            picture(root / "caltech256" / "256_ObjectCategories" / kind / f"{i:03d}_{j:04d}.jpg")
        text(root / "caltech256" / "256_ObjectCategories" / kind / "notes.txt", "x")
    return {}, {}


def celeba(root, part="valid", types=("attr", "identity", "bbox", "landmarks")):
    folder = root / "celeba"
    names = [f"{i:06d}.jpg" for i in range(1, 5)]
    for name in names:
        picture(folder / "img_align_celeba" / name)
    text(folder / "list_eval_partition.txt", "".join(f"{n} {i % 2}\n" for i, n in enumerate(names)))
    text(folder / "identity_CelebA.txt", "".join(f"{n} {2880 + i}\n" for i, n in enumerate(names)))

    def table(file, names_of, low, high):
        rows = "".join(
            f"{n}  {'  '.join(map(str, NUMBERS.choice([low, high], len(names_of.split()))))}\n" for n in names
        )
        text(folder / file, f"4\n{names_of}\n{rows}")

    table("list_bbox_celeba.txt", "image_id x_1 y_1 width height", 3, 70)
    table("list_landmarks_align_celeba.txt", "lefteye_x lefteye_y ", 5, 60)
    table("list_attr_celeba.txt", "Bald Young ", -1, 1)
    # scipy is not needed here; the tables' header counts one name more for boxes, as the published one does
    lines = (folder / "list_bbox_celeba.txt").read_text().splitlines()
    lines[2:] = [f"{n}    95  71 226 {i}" for i, n in enumerate(names)]
    text(folder / "list_bbox_celeba.txt", "\n".join(lines) + "\n")
    sums = [(a, md5(folder / n) if n.endswith(".txt") else b, n) for a, b, n in datasets.CelebA.file_list]
    return {"split": part, "target_type": list(types)}, {"file_list": sums}


def celeba_all(root):
    how, known = celeba(root, "all", ["bbox"])
    return how, known


def cityscapes(root, types=("instance", "semantic", "polygon", "color")):
    for town in ("aachen", "bonn"):
        for i in range(2):
            name = f"{town}_00000{i}_000019"
            picture(root / "leftImg8bit" / "val" / town / f"{name}_leftImg8bit.png")
            start = root / "gtFine" / "val" / town
            for end in ("instanceIds", "labelIds"):
                picture(start / f"{name}_gtFine_{end}.png", "L")
            picture(start / f"{name}_gtFine_color.png")
            text(start / f"{name}_gtFine_polygons.json", json.dumps({"imgHeight": i, "objects": [town]}))
    return {"split": "val", "target_type": list(types)}, {}


def country211(root):
    for kind in ("AD", "AE"):
        picture(root / "country211" / "valid" / kind / "1.jpg")
    return {"split": "valid"}, {}


def eurosat(root):
    for kind in ("River", "Forest"):
        picture(root / "eurosat" / "2750" / kind / "1.jpg")
    return {}, {}


def fer2013(root, name="fer", head="emotion,pixels,Usage", order="emotion pixels usage", split="test"):
    rows = []
    for i, usage in enumerate(("Training", "PublicTest", "PrivateTest", "Training")):
        values = {"emotion": str(i), "pixels": " ".join(map(str, NUMBERS.integers(0, 256, 48 * 48))), "usage": usage}
        rows.append(",".join(values[key] for key in order.split()))
    file = root / "fer2013" / datasets.FER2013._RESOURCES[name][0]
    text(file, "\n".join([head, *rows]) + "\n")
    return {"split": split}, {"_RESOURCES": {**datasets.FER2013._RESOURCES, name: (file.name, md5(file))}}


def fer2013_icml(root):
    return fer2013(root, "icml", "emotion, Usage, pixels", "emotion usage pixels")


def fer2013_test(root):
    return fer2013(root, "test", "pixels", "pixels")


def aircraft(root):
    folder = root / "fgvc-aircraft-2013b" / "data"
    text(folder / "families.txt", "Boeing 737\nDC-3 \n")
    text(folder / "images_family_val.txt", "001 DC-3\n002 Boeing 737\n003 DC-3\n")
    for name in ("001", "002", "003"):
        picture(folder / "images" / f"{name}.jpg")
    return {"split": "val", "annotation_level": "family"}, {}


def flickr8k(root):
    page = "<html><a>x</a><table>"
    for i in (1, 2):
        picture(root / f"{i}0_abc.jpg")
        page += f'<tr><td><a href="x">http://www.flickr.com/photos/u/{i}0/</a><ul><li> A dog {i} <li>Two</ul>'
    text(root / "page.html", page + "<tr><td>Image Not Found<ul><li>lost</ul></table><li>not a caption</html>")
    return {"ann_file": str(root / "page.html")}, {}


def flickr30k(root):
    text(root / "said.token", "b.jpg#0\tOne .\na.jpg#0\tTwo\nb.jpg#1\tThree\n")
    picture(root / "a.jpg"), picture(root / "b.jpg")
    return {"ann_file": str(root / "said.token")}, {}


def inaturalist(root):
    for i, name in enumerate(("Animalia_Annelida_C_O_F_Lumbricus_terrestris", "Animalia_Mollusca_C_O_G_Lumbricus_x")):
        for j in range(2):
            picture(root / "2021_valid" / f"{i:05d}_{name}" / f"{j}.jpg")
    return {"version": "2021_valid", "target_type": ["full", "phylum", "genus"]}, {}


def inaturalist_2018(root):
    for kind, name in (("Plantae", "1"), ("Aves", "0"), ("Aves", "2")):
        picture(root / "2018" / kind / name / "a.jpg")
    return {"version": "2018", "target_type": ["super", "full"]}, {}


def inaturalist_2017(root):
    for kind, name in (("Plantae", "Poa"), ("Aves", "Parus"), ("Aves", "Anas")):
        picture(root / "2017" / kind / name / "a.jpg")
    return {"version": "2017", "target_type": "super"}, {}


def imagenette(root):
    for kind in ("n01440764", "n03888257"):
        for i in (1, 2):
            picture(root / "imagenette2-160" / "val" / kind / f"{i}.jpeg", format="JPEG")
    return {"split": "val", "size": "160px"}, {}


def kitti(root, part="training"):
    folder = root / "Kitti" / "raw" / part
    for i in range(2):
        picture(folder / "image_2" / f"00000{i}.png")
        text(folder / "label_2" / f"00000{i}.txt", "Car 0.00 1 -1.57 1.5 2 3 4 1 2 3 -4 5 6 0.25\n" * i)
    return {"train": part == "training"}, {}


def kitti_test(root):
    return kitti(root, "testing")


def lfw(root, view, listed):
    folder = root / "lfw-py"
    text(folder / "lfw-names.txt", "Ann_A\t2\nBob_B\t3\nCid\t1\n")
    for name, count in (("Ann_A", 2), ("Bob_B", 3), ("Cid", 1)):
        for i in range(1, count + 1):
            picture(folder / "lfw" / name / f"{name}_{i:04d}.jpg")
    data(folder / "lfw.tgz", b"x")
    sums = {name: md5(folder / name) for name in ("lfw-names.txt",)}
    for name, content in listed.items():
        text(folder / name, content)
        sums[name] = md5(folder / name)
    return {"image_set": "original"}, {
        "file_dict": {"original": ("lfw", "lfw.tgz", md5(folder / "lfw.tgz"))},
        "checksums": sums,
    }


def lfw_people(root):
    how, known = lfw(root, "people", {"people.txt": "2\n2\nAnn_A\t2\nCid\t1\n1\nBob_B\t3\n"})
    return how, known


def lfw_people_train(root):
    how, known = lfw(root, "people", {"peopleDevTrain.txt": "2\nBob_B\t3\nCid\t1\n"})
    return {**how, "split": "train"}, known


def lfw_pairs(root):
    fold = "Ann_A\t1\t2\nBob_B\t3\t1\nAnn_A\t1\tCid\t1\nBob_B\t2\tCid\t1\n"
    how, known = lfw(root, "pairs", {"pairs.txt": f"2\t2\n{fold}{fold}"})
    return how, known


def lfw_pairs_test(root):
    how, known = lfw(root, "pairs", {"pairsDevTest.txt": "1\nAnn_A\t1\t2\nAnn_A\t2\tCid\t1\n"})
    return {**how, "split": "test"}, known


def moving_mnist(root):
    (root / "MovingMNIST").mkdir(parents=True)
    np.save(root / "MovingMNIST" / "mnist_test_seq.npy", NUMBERS.integers(0, 255, (20, 3, 8, 8), np.uint8))
    return {"split": "test", "split_ratio": 13}, {}


def omniglot(root):
    folder = root / "omniglot-py"
    for name in ("Latin/character01", "Latin/character02", "Greek/character01"):
        picture(folder / "images_evaluation" / name / "1.png", "L")
    data(folder / "images_evaluation.zip", b"x")
    return {"background": False}, {"zips_md5": {"images_evaluation": md5(folder / "images_evaluation.zip")}}


def pcam(root):
    h5py = pytest.importorskip("h5py")
    (root / "pcam").mkdir(parents=True)
    for name, array in (
        ("x", NUMBERS.integers(0, 255, (3, 9, 9, 3), np.uint8)),
        ("y", NUMBERS.integers(0, 2, (3, 1, 1, 1))),
    ):
        with h5py.File(root / "pcam" / f"camelyonpatch_level_2_split_valid_{name}.h5", "w") as file:
            file[name] = array
    return {"split": "val"}, {}


def phototour(root):
    for i in range(2):
        picture(root / "liberty" / f"patches000{i}.bmp", "L", (128, 128))
    text(root / "liberty" / "info.txt", "".join(f"{i // 2} 0\n" for i in range(8)))
    text(root / "liberty" / "m50_100000_100000_0.txt", "0 5 0 1 5 0 0\n3 6 0 4 7 0 0\n")
    return {"name": "liberty", "train": False}, {"lens": {"liberty": 7}}


def phototour_train(root):
    how, known = phototour(root)
    return {**how, "train": True}, known


def places(root, split="val", listed="Places365_val_1.jpg 1\nPlaces365_val_2.jpg 0\n", name="places365_val.txt"):
    for line in listed.splitlines():
        folder = {"val": "val_256", "test": "test_256"}.get(split, "data_256_standard")
        picture(root / folder / line.split()[0].lstrip("/"))
    text(root / "categories_places365.txt", "/b/bar 1\n/a/alley 0\n")
    text(root / name, listed)
    return {"split": split, "small": True}, {
        "_CATEGORIES_META": ("categories_places365.txt", md5(root / "categories_places365.txt")),
        "_FILE_LIST_META": {split: (name, md5(root / name))},
    }


def places_train(root):
    return places(root, "train-standard", "/a/alley/1.jpg 0\n/b/bar/2.jpg 1\n", "places365_train_standard.txt")


def places_test(root):
    return places(root, "test", "Places365_test_1.jpg\nPlaces365_test_2.jpg\n", "places365_test.txt")


def rendered(root):
    for kind in ("negative", "positive"):
        picture(root / "rendered-sst2" / "valid" / kind / "1.png")
    return {"split": "val"}, {}


def sbd(root, mode="segmentation"):
    from scipy.sparse import csc_matrix

    for name in ("2008_1", "2008_2"):
        picture(root / "img" / f"{name}.jpg")
        edges = np.empty((20, 1), object)
        for i in range(20):
            edges[i, 0] = csc_matrix(NUMBERS.random((5, 6)) > 0.7, dtype=np.float64)
        said = {"Boundaries": edges, "Segmentation": NUMBERS.integers(0, 21, (5, 6), np.uint8)}
        mat(root / "cls" / f"{name}.mat", GTcls=structures(said))
    text(root / "val.txt", "2008_2\n2008_1\n")
    return {"image_set": "val", "mode": mode}, {}


def sbd_boundaries(root):
    return sbd(root, "boundaries")


def sbu(root):
    folder = root / "dataset"
    text(folder / "SBU_captioned_photo_dataset_urls.txt", "http://x/1.jpg\nhttp://x/2.jpg\nhttp://x/3.jpg\n")
    text(folder / "SBU_captioned_photo_dataset_captions.txt", "a cat \na dog\na bird\n")
    picture(folder / "1.jpg"), picture(folder / "3.jpg")
    data(root / "SBUCaptionedPhotoDataset.tar.gz", b"x")
    return {"download": False}, {"md5_checksum": md5(root / "SBUCaptionedPhotoDataset.tar.gz")}


def semeion(root):
    lines = []
    for digit in (7, 0, 3):
        pixels = " ".join(f"{x:.4f}" for x in NUMBERS.integers(0, 2, 256))
        lines.append(f"{pixels} {' '.join('01'[i == digit] for i in range(10))} \n")
    text(root / "semeion.data", "".join(lines))
    return {"download": False}, {"md5_checksum": md5(root / "semeion.data")}


def cars(root, split="test"):
    folder = root / "stanford_cars"
    names = np.array(["a.jpg", "b.jpg"], object)
    rows = [{"bbox_x1": 3.0, "class": np.uint8(2 - i), "fname": name} for i, name in enumerate(names)]
    listed = "devkit/cars_train_annos.mat" if split == "train" else "cars_test_annos_withlabels.mat"
    mat(folder / listed, annotations=structures(*rows))
    mat(folder / "devkit" / "cars_meta.mat", class_names=cells("AM General Hummer SUV 2000", "Acura RL Sedan 2012"))
    for name in names:
        picture(folder / f"cars_{split}" / name)
    return {"split": split}, {}


def cars_train(root):
    return cars(root, "train")


def sun397(root):
    folder = root / "SUN397"
    text(folder / "ClassName.txt", "/a/abbey\n/a/apse/indoor\n/b/bar\n")
    for name in ("a/abbey/sun_a1", "a/abbey/sun_a2", "a/apse/indoor/sun_b", "b/bar/sun_c"):
        picture(folder / f"{name}.jpg")
    return {}, {}


def wider_face(root, split="val"):
    folder = root / "widerface"
    for name in ("WIDER_train", "WIDER_val", "WIDER_test"):
        picture(folder / name / "images" / "0--Parade" / "1.jpg")
        picture(folder / name / "images" / "0--Parade" / "2.jpg")
    faces = "0--Parade/2.jpg\n2\n1 2 3 4 0 1 0 2 0 0\n5 6 7 8 1 0 1 0 1 1 \n0--Parade/1.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n"
    text(folder / "wider_face_split" / "wider_face_val_bbx_gt.txt", faces)
    text(folder / "wider_face_split" / "wider_face_test_filelist.txt", "0--Parade/1.jpg\n0--Parade/2.jpg\n")
    return {"split": split}, {}


def wider_face_test(root):
    return wider_face(root, "test")


def qmnist(root, what="test10k", compat=True):
    folder = root / "QMNIST" / "raw"
    idx(folder / "qmnist-test-images-idx3-ubyte", NUMBERS.integers(0, 255, (10003, 2, 2), np.uint8), 8)
    idx(folder / "qmnist-test-labels-idx2-int", NUMBERS.integers(0, 10, (10003, 8)).astype(">i4"), 12)
    return {"what": what, "compat": compat}, {}


def qmnist_50k(root):
    return qmnist(root, "test50k", False)


def lsun(root):
    lmdb = pytest.importorskip("lmdb")
    for name in ("bedroom_val", "tower_val"):
        with lmdb.open(str(root / f"{name}_lmdb"), map_size=1 << 20) as env, env.begin(write=True) as transaction:
            for i in range(3):
                file = io.BytesIO()
                Image.fromarray(NUMBERS.integers(0, 255, (5, 6, 3), np.uint8)).save(file, "WEBP", lossless=True)
                transaction.put(f"key{i}".encode(), file.getvalue())
    return {"classes": ["bedroom_val", "tower_val"]}, {}


# -- flows and disparities ----------------------------------------------------------------------------


def sintel(root):
    for scene in ("alley", "cave"):
        for name in ("clean", "final"):
            for i in (1, 2, 3):
                picture(root / "Sintel" / "training" / name / scene / f"frame_{i}.png")
        for i in (1, 2):
            flo(root / "Sintel" / "training" / "flow" / scene / f"frame_{i}.flo")
    return {"pass_name": "both"}, {}


def sintel_test(root):
    for i in (1, 2, 3):
        picture(root / "Sintel" / "test" / "clean" / "cave" / f"frame_{i}.png")
    return {"split": "test"}, {}


def kitti_flow(root):
    for i in range(2):
        for j in (10, 11):
            picture(root / "KittiFlow" / "training" / "image_2" / f"00000{i}_{j}.png")
        pixels = NUMBERS.integers(0, 65536, (5, 6, 3))
        pixels[..., 2] = pixels[..., 2] > 30000
        png16(root / "KittiFlow" / "training" / "flow_occ" / f"00000{i}_10.png", pixels)
    return {}, {}


def chairs(root):
    for i in (1, 2, 3):
        flo(root / "FlyingChairs" / "data" / f"0000{i}_flow.flo")
        for j in (1, 2):
            picture(root / "FlyingChairs" / "data" / f"0000{i}_img{j}.ppm")
    text(root / "FlyingChairs" / "FlyingChairs_train_val.txt", "1\n2\n1\n")
    return {}, {}


def things(root):
    folder = root / "FlyingThings3D"
    for side in ("left", "right"):
        for i in range(3):
            picture(folder / "frames_cleanpass" / "TEST" / "A" / "0000" / side / f"000{i}.png")
            for direction in ("into_future", "into_past"):
                pfm(folder / "optical_flow" / "TEST" / "A" / "0000" / direction / side / f"{i}.pfm", 3, ">")
    return {"split": "test", "camera": "both"}, {}


def hd1k(root):
    for film in (0, 1):
        for i in range(3):
            picture(root / "hd1k" / "hd1k_input" / "image_2" / f"00000{film}_000{i}.png")
            png16(
                root / "hd1k" / "hd1k_flow_gt" / "flow_occ" / f"00000{film}_000{i}.png",
                NUMBERS.integers(0, 9, (5, 6, 3)),
            )
    return {}, {}


def hd1k_test(root):
    for i in (10, 11):
        for film in (1, 2):
            picture(root / "hd1k" / "hd1k_challenge" / "image_2" / f"00000{film}_00{i}.png")
    return {"split": "test"}, {}


def carla(root):
    for scene in ("a", "b"):
        for i in (0, 1):
            picture(root / "carla-highres" / "trainingF" / scene / f"im{i}.png")
            pfm(root / "carla-highres" / "trainingF" / scene / f"disp{i}GT.pfm")
    return {}, {}


def kitti2012(root):
    for i in (1, 2):
        for side in (0, 1):
            picture(root / "Kitti2012" / "training" / f"colored_{side}" / f"{i}_10.png")
        words(root / "Kitti2012" / "training" / "disp_noc" / f"{i}.png")
    return {}, {}


def kitti2015(root):
    for i in (1, 2):
        for side in (0, 1):
            picture(root / "Kitti2015" / "training" / f"image_{side + 2}" / f"{i}.png")
            words(root / "Kitti2015" / "training" / f"disp_occ_{side}" / f"{i}.png")
    return {}, {}


def kitti2015_test(root):
    for i in (1, 2):
        for side in (2, 3):
            picture(root / "Kitti2015" / "testing" / f"image_{side}" / f"{i}.png")
    return {"split": "test"}, {}


def middlebury(root):
    for scene in ("Piano-perfect", "Piano-imperfect", "Pipes-perfect"):
        folder = root / "Middlebury2014" / "train" / scene
        for i in (0, 1):
            picture(folder / f"im{i}.png")
            pfm(folder / f"disp{i}.pfm")
        content = (folder / "disp0.pfm").read_bytes()
        data(folder / "disp0.pfm", content[:-4] + struct.pack("<f", np.inf))
    return {"calibration": "both"}, {}


def middlebury_test(root):
    for scene in ("Plants", "Hoops"):
        for i in (0, 1):
            picture(root / "Middlebury2014" / "test" / scene / f"im{i}.png")
    return {"split": "test", "calibration": None}, {}


def crestereo(root):
    for name in ("shapenet", "reflective", "tree", "hole"):
        for side in ("left", "right"):
            picture(root / "CREStereo" / name / f"1_{side}.jpg")
            words(root / "CREStereo" / name / f"1_{side}.disp.png")
    return {}, {}


def falling_things(root):
    for folder in ("single/a/0", "mixed/b"):
        where = root / "FallingThings" / folder
        for side in ("left", "right"):
            picture(where / f"1.{side}.jpg")
            words(where / f"1.{side}.depth.png")
            depth = NUMBERS.integers(1, 9999, (5, 6), np.uint16)
            Image.fromarray(depth).save(where / f"1.{side}.depth.png")
        settings = {"camera_settings": [{"intrinsic_settings": {"fx": 768.25}}]}
        text(where / "_camera_settings.json", json.dumps(settings))
    return {"variant": "both"}, {}


def scene_flow(root, variant="Monkaa", scene="a"):
    for side in ("left", "right"):
        for i in (1, 2):
            for name in ("clean", "final"):
                picture(root / "SceneFlow" / variant / f"frames_{name}pass" / scene / side / f"{i}.png")
            pfm(root / "SceneFlow" / variant / "disparity" / scene / side / f"{i}.pfm")
    return {"variant": variant, "pass_name": "both"}, {}


def scene_flow_things(root):
    how, known = scene_flow(root, "FlyingThings3D", "TRAIN/A/0000")
    return {**how, "pass_name": "final"}, known


def sintel_stereo(root):
    folder = root / "Sintel" / "training"
    for i in (1, 2):
        for side in ("left", "right"):
            picture(folder / f"final_{side}" / "alley" / f"{i}.png")
        picture(folder / "disparities" / "alley" / f"{i}.png")
        for name in ("occlusions", "outofframe"):
            picture(folder / name / "alley" / f"{i}.png", "L")
    return {}, {}


def instereo(root):
    for scene in ("1", "2"):
        for side in ("left", "right"):
            picture(root / "InStereo2k" / "test" / scene / f"{side}.png")
            words(root / "InStereo2k" / "test" / scene / f"{side}_disp.png")
    return {"split": "test"}, {}


def eth3d(root):
    for scene in ("a", "b"):
        for i in (0, 1):
            picture(root / "ETH3D" / "two_view_training" / scene / f"im{i}.png", "L")
        pfm(root / "ETH3D" / "two_view_training_gt" / scene / "disp0GT.pfm")
        picture(root / "ETH3D" / "two_view_training_gt" / scene / "mask0nocc.png", "L")
    return {}, {}


# -- ImageNet, from archives --------------------------------------------------------------------------


def imagenet(root, split="val"):
    """The archives as they are published, with four synsets, of which three are kinds of pictures."""
    rows = [
        {"ILSVRC2012_ID": float(i), "WNID": wnid, "words": named, "gloss": "g", "num_children": float(children)}
        for i, wnid, named, children in (
            (1, "n01440764", "tench, Tinca tinca", 0),
            (2, "n01443537", "goldfish", 0),
            (3, "n02084071", "dog, domestic dog", 118),
            (4, "n01484850", "great white shark, white shark", 0),
        )
    ]
    mat(root / "kit" / "data" / "meta.mat", synsets=structures(*rows).T)
    text(root / "kit" / "data" / "ILSVRC2012_validation_ground_truth.txt", "4\n1\n2\n4\n")
    with tarfile.open(root / "ILSVRC2012_devkit_t12.tar.gz", "w:gz") as tar:
        tar.add(root / "kit" / "data", "ILSVRC2012_devkit_t12/data")
    for i in range(1, 5):
        picture(root / "pictures" / f"ILSVRC2012_val_{i:08d}.JPEG", format="JPEG")
    with tarfile.open(root / "ILSVRC2012_img_val.tar", "w") as tar:
        for path in sorted((root / "pictures").iterdir()):
            tar.add(path, path.name)
    with tarfile.open(root / "ILSVRC2012_img_train.tar", "w") as tar:
        for wnid in ("n01440764", "n01443537", "n01484850"):
            with tarfile.open(root / f"{wnid}.tar", "w") as inner:
                inner.add(root / "pictures" / "ILSVRC2012_val_00000001.JPEG", f"{wnid}_1.JPEG")
            tar.add(root / f"{wnid}.tar", f"{wnid}.tar")
    names = {
        "train": "ILSVRC2012_img_train.tar",
        "val": "ILSVRC2012_img_val.tar",
        "devkit": "ILSVRC2012_devkit_t12.tar.gz",
    }
    return {"split": split}, {key: (name, md5(root / name)) for key, name in names.items()}


MORE = {
    "CLEVRClassification": clevr,
    "CLEVRClassification-test": clevr_test,
    "Caltech101": caltech101,
    "Caltech256": caltech256,
    "CelebA": celeba,
    "CelebA-all": celeba_all,
    "Cityscapes": cityscapes,
    "Country211": country211,
    "EuroSAT": eurosat,
    "FER2013": fer2013,
    "FER2013-icml": fer2013_icml,
    "FER2013-test": fer2013_test,
    "FGVCAircraft": aircraft,
    "Flickr8k": flickr8k,
    "Flickr30k": flickr30k,
    "INaturalist": inaturalist,
    "INaturalist-2017": inaturalist_2017,
    "INaturalist-2018": inaturalist_2018,
    "Imagenette": imagenette,
    "Kitti": kitti,
    "Kitti-test": kitti_test,
    "LFWPeople": lfw_people,
    "LFWPeople-train": lfw_people_train,
    "LFWPairs": lfw_pairs,
    "LFWPairs-test": lfw_pairs_test,
    "MovingMNIST": moving_mnist,
    "Omniglot": omniglot,
    "PCAM": pcam,
    "PhotoTour": phototour,
    "PhotoTour-train": phototour_train,
    "Places365": places,
    "Places365-train": places_train,
    "Places365-test": places_test,
    "QMNIST": qmnist,
    "QMNIST-50k": qmnist_50k,
    "RenderedSST2": rendered,
    "SBDataset": sbd,
    "SBDataset-boundaries": sbd_boundaries,
    "SBU": sbu,
    "SEMEION": semeion,
    "StanfordCars": cars,
    "StanfordCars-train": cars_train,
    "SUN397": sun397,
    "WIDERFace": wider_face,
    "WIDERFace-test": wider_face_test,
    "Sintel": sintel,
    "Sintel-test": sintel_test,
    "KittiFlow": kitti_flow,
    "FlyingChairs": chairs,
    "FlyingThings3D": things,
    "HD1K": hd1k,
    "HD1K-test": hd1k_test,
    "CarlaStereo": carla,
    "Kitti2012Stereo": kitti2012,
    "Kitti2015Stereo": kitti2015,
    "Kitti2015Stereo-test": kitti2015_test,
    "Middlebury2014Stereo": middlebury,
    "Middlebury2014Stereo-test": middlebury_test,
    "CREStereo": crestereo,
    "FallingThingsStereo": falling_things,
    "SceneFlowStereo": scene_flow,
    "SceneFlowStereo-things": scene_flow_things,
    "SintelStereo": sintel_stereo,
    "InStereo2k": instereo,
    "ETH3DStereo": eth3d,
}
